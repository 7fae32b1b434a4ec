"""docs/conformance/oci-runtime.md: what of the OCI runtime specification our runc's tests use, from a run of them."""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.support import oci_record
from tests.support.oci_reasons import UNUSED
from tools.dev import say
from tools.dev.environment import CHECKOUT
from tools.dev.suite import prepare

TARGET = CHECKOUT / "docs" / "conformance" / "oci-runtime.md"
FOLDERS = ("tests/integration/runc", "tests/compat/runc")
HEAD = """# What of the OCI runtime specification and of runc's command line is tested

Made by `./dev conformance --oci`, which runs `{folders}` and notes, test by test, what the
configurations that they write hold, and with which words they call our runc; not written by hand. A test counts only if
it has passed. What every test uses (a process with arguments, a root) has the whole suite for an example.
docs/conformance/oci-validation.md has the specification's own programs.

Specification: {version} and the properties that 1.3 adds, for Linux. Tests that passed: {count}.
"""
SECTIONS = (
    ("config.json", "property", oci_record.properties),
    ("The command line", "word", oci_record.words),
)
TAIL = """
## What no test uses, and why

| what | why |
|---|---|
"""

Record = dict[str, set[str]]


def write() -> int:
    """Run the tests, then write the page. Raises Failed if one of them fails."""
    prepare(with_guest=False)
    with tempfile.TemporaryDirectory(prefix="swo", dir="/tmp") as folder:
        file = Path(folder, "record")
        for tests in FOLDERS:
            argv = [sys.executable, "-m", "pytest", "-q", "-m", "not vm", tests]
            done = subprocess.run(argv, cwd=CHECKOUT, env=os.environ | {oci_record.FILE: str(file)}, check=False)
            if done.returncode:
                raise say.Failed("the page stays as it is: not all tests passed")
        record = read(file)
    TARGET.write_text(document(record))
    print(f"wrote {TARGET.relative_to(CHECKOUT)}")
    return 0


def read(file: Path) -> Record:
    record: Record = defaultdict(set)
    for line in file.read_text().splitlines():
        for thing, tests in json.loads(line).items():
            record[thing] |= set(tests)
    return record


def document(record: Record) -> str:
    from slipway.contracts.oci.runtime_version import VERSION

    every = set().union(*record.values())
    uses = {test: sum(test in tests for tests in record.values()) for test in every}
    parts = [HEAD.format(folders="` and `".join(FOLDERS), version=VERSION, count=len(every))]
    for title, column, things in SECTIONS:
        parts.append(f"\n## {title}\n\n| {column} | tests | one of them |\n|---|---|---|\n")
        parts += [_row(thing, record[thing], uses) for thing in things() if record.get(thing)]
    parts.append(TAIL)
    parts += [f"| `{thing}` | {UNUSED[thing]} |\n" for thing in unused(record)]
    return "".join(parts)


def unused(record: Record) -> list[str]:
    """Raises Failed for what is in no test, and has no reason for that."""
    missing = [thing for _, _, things in SECTIONS for thing in things() if not record.get(thing)]
    if unreasoned := [thing for thing in missing if thing not in UNUSED]:
        raise say.Failed(f"no test uses {', '.join(unreasoned)} (hint: tests/support/oci_reasons.py has the reasons)")
    return missing


def _row(thing: str, tests: set[str], uses: dict[str, int]) -> str:
    """The example is the test that uses least else."""
    example = min(sorted(tests), key=uses.__getitem__)
    return f"| `{thing}` | {len(tests)} | {example.removeprefix('tests/')} |\n"
