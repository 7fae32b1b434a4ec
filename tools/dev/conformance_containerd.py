"""docs/conformance/containerd.md: each method of containerd's API, each exchanged program, and what proves it."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import api_record
from tests.support.containerd_api import ORIGINAL, OTHERS, UNSERVED
from tests.support.exchange import CELLS, SUITES, Cell, proofs_of
from tools.dev import say
from tools.dev.environment import CHECKOUT
from tools.dev.suite import prepare

TARGET = CHECKOUT / "docs" / "conformance" / "containerd.md"
FOLDERS = ("tests/integration/containerd", "tests/compat/containerd", "tests/compat/shim")
HEAD = """# What proves containerd's API, and that each program is exchangeable

Made by `./dev conformance --containerd`, which runs `{folders}`, all cases,
and notes, test by test, which methods our containerd answered; not written by hand. A test counts only if it
has passed. "beside": those of tests/compat, where an original calls ours, or is called in the same way and must answer
the same. tests/compat/containerd/stories has what is asked of both, with what differs, and why.

API: containerd 2.1's. Tests that passed: {count}.
"""
TABLE = "\n## {title}\n\n| method | tests | beside | one of them |\n|---|---|---|---|\n"
NOT_SERVED = "\n## What the original answers and ours does not, and why\n\n| method | why |\n|---|---|\n"
EXCHANGE = """
## Exchanged programs

Trees of originals: {suites}.

| what | runs with | tests, on both trees |
|---|---|---|
"""
ROW = re.compile(r"^\| `(\w+)` \| (\d+) \|", re.MULTILINE)


@dataclass
class Record:
    """What the runs have noted; tests without `tests/` before their names."""

    served: set[str] = field(default_factory=set)
    calls: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    passed: set[str] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)


def write() -> int:
    """Run the tests, then write the page. Raises Failed if one of them fails, or if something has no proof."""
    prepare(with_guest=False)
    with tempfile.TemporaryDirectory(prefix="swc", dir="/tmp") as folder:
        file = Path(folder, "record")
        for number, tests in enumerate(FOLDERS):
            mine = f"{file}-{number}"
            argv = [sys.executable, "-m", "pytest", "-q", "-m", "not vm", tests]
            done = subprocess.run(argv, cwd=CHECKOUT, env=os.environ | {api_record.FILE: mine}, check=False)
            if done.returncode:
                raise say.Failed("the page stays as it is: not all tests passed")
        record = read([Path(f"{file}-{number}") for number in range(len(FOLDERS))])
    TARGET.write_text(document(record))
    print(f"wrote {TARGET.relative_to(CHECKOUT)}")
    return 0


def read(files: list[Path]) -> Record:
    record = Record()
    for file in files:
        for line in file.read_text().splitlines():
            noted = json.loads(line)
            record.served |= set(noted["served"])
            record.passed |= _short(noted["passed"])
            record.awaited |= _short(noted["awaited"])
            for path, tests in noted["calls"].items():
                record.calls[path] |= _short(tests)
    return record


def document(record: Record) -> str:
    """Raises Failed for a method, or an exchanged program, without proof, and for one left out without a reason."""
    complain_of(record)
    uses = {test: sum(test in tests for tests in record.calls.values()) for test in record.passed}
    parts = [HEAD.format(folders="`, `".join(FOLDERS), count=len(record.passed))]
    services: dict[str, list[str]] = defaultdict(list)
    for path in sorted(record.served):
        services[path.split("/")[1]].append(path)
    for service, paths in services.items():
        parts.append(TABLE.format(title=service))
        parts += [_row(path, record.calls[path], uses) for path in paths]
    parts.append(NOT_SERVED)
    parts += [f"| `{path[1:]}` | {UNSERVED[path]} |\n" for path in ORIGINAL if path not in record.served]
    parts += [f"| `{path}` | {why} |\n" for path, why in OTHERS.items()]
    parts.append(EXCHANGE.format(suites="; ".join(f"{name} ({what})" for name, what in SUITES.items())))
    parts += [_cell(cell, record) for cell in CELLS]
    return "".join(parts)


def complain_of(record: Record) -> None:
    """Raises Failed."""
    faults = [f"no test calls {path}" for path in sorted(record.served) if not record.calls.get(path)]
    answered = record.served | UNSERVED.keys()
    faults += [f"{path} is not served, and has no reason" for path in ORIGINAL if path not in answered]
    faults += [f"{path} is served, but has a reason not to be" for path in UNSERVED if path in record.served]
    for cell in CELLS:
        for test in {test for suite in SUITES for test in proofs_of(cell, suite)}:
            if not any(known.startswith(test) for known in record.passed | record.awaited):
                faults.append(f"{cell.what} with {cell.beside}: no test {test} has passed")
    if faults:
        raise say.Failed("; ".join(faults))


def listed(text: str) -> set[str]:
    """The paths of the methods that a page lists as served."""
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {f"/{section.splitlines()[0]}/{name}" for section in sections for name, _ in ROW.findall(section)}


def _row(path: str, tests: set[str], uses: dict[str, int]) -> str:
    """The example is the test that uses least else, beside an original where there is one."""
    beside = {test for test in tests if test.startswith("compat/")}
    example = min(sorted(beside or tests), key=lambda test: uses.get(test, 0))
    return f"| `{path.rpartition('/')[2]}` | {len(tests)} | {len(beside)} | {example} |\n"


def _cell(cell: Cell, record: Record) -> str:
    named = {test for suite in SUITES for test in proofs_of(cell, suite)}
    awaited = any(test.startswith(tuple(named)) for test in record.awaited)
    tests = ", ".join(dict.fromkeys(test.replace("{suite}", "...") for test in cell.tests))
    return f"| {cell.what} | {cell.beside} | {'not yet: ' if awaited else ''}{tests} |\n"


def _short(tests: list[str]) -> set[str]:
    return {test.removeprefix("tests/") for test in tests}
