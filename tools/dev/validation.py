"""`./dev validation`: writes docs/conformance/oci-validation.md from the OCI validation programs on three runtimes."""

import argparse
import tempfile
from pathlib import Path

from tests.support import validation
from tests.support.validation import RUNTIMES, Place, Result
from tests.support.validation_reasons import why
from tools.dev import say
from tools.dev.environment import CHECKOUT
from tools.dev.progress import Progress
from tools.dev.suite import prepare

TARGET = CHECKOUT / "docs" / "conformance" / "oci-validation.md"
HEAD = """# The OCI runtime-tools' validation programs on ours, runc and crun

Made by `./dev validation`, which runs each program on each runtime (about two minutes); not written by hand. The
programs are those of Debian's {package}, built outside
this repository by tools/validation. Each runs as root in groups, mounts and processes of its own, on cgroup v1 with
hugetlb, net_cls and net_prio mounted as v1 too, as crun wants it.

- ours, which says of itself: {ours}
- runc: {runc}
- crun: {crun}

A cell is "passed / failed" assertions. A program that makes none counts as one: passed when it found nothing to
complain about. tests/compat/runc/test_validation.py holds that ours passes what runc or crun passes.
killsig and poststart are races with a shell, with any runtime: their verdicts may differ from run to run.

| program | ours | runc | crun |
|---|---|---|---|
"""
BELOW = """
## What ours does not pass, and why

In brackets: the others that fail it, too.
"""

Table = dict[str, dict[str, Result]]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev validation", description=__doc__)
    parser.add_argument("programs", nargs="*", help="only these, and say what ours found; the page stays as it is")
    chosen = parser.parse_args(argv[1:]).programs
    prepare(with_guest=False)
    with tempfile.TemporaryDirectory(prefix="swv", dir="/tmp") as folder, validation.place(Path(folder)) as place:
        known = validation.names(place.programs)
        if unknown := set(chosen) - set(known):
            raise say.Failed(f"there is no program {', '.join(sorted(unknown))} (hint: {', '.join(known)})")
        table = run_all(place, chosen or known)
        versions = {runtime: place.version(runtime) for runtime in RUNTIMES}
        package = place.package
    if chosen:
        print("".join(row(program, results) for program, results in table.items()))
        print("\n".join(results["ours"].said for results in table.values()))
        return 0
    TARGET.write_text(document(table, HEAD.format(package=package, **versions)))
    print(f"wrote {TARGET.relative_to(CHECKOUT)}")
    return 0


def run_all(place: Place, programs: list[str]) -> Table:
    table: Table = {}
    with Progress("validation", len(programs)) as progress:
        for program in programs:
            progress.at(len(table), program)
            table[program] = place.run_beside(program)
    return table


def document(table: Table, head: str) -> str:
    rows = [row(program, results) for program, results in table.items()]
    total = "".join(f" {cell([results[runtime] for results in table.values()])} |" for runtime in RUNTIMES)
    below = [reasons(program, results) for program, results in table.items() if results["ours"].failed]
    return "".join([head, *rows, f"| **together** |{total}\n", BELOW, *below])


def row(program: str, results: dict[str, Result]) -> str:
    return f"| {program} |" + "".join(f" {cell([results[runtime]])} |" for runtime in RUNTIMES) + "\n"


def cell(results: list[Result]) -> str:
    passed = sum(result.passed.total() for result in results)
    failed = sum(result.failed.total() for result in results)
    return f"{passed} / {failed}"


def reasons(program: str, results: dict[str, Result]) -> str:
    """A paragraph for each assertion of one program that ours does not pass."""
    lines = [f"\n### {program}\n\n"]
    for text, count in sorted(results["ours"].failed.items()):
        others = [runtime for runtime in ("runc", "crun") if results[runtime].failed[text]]
        who = f" [{', '.join(others)}]" if others else ""
        times = f", {count} times" if count > 1 else ""
        lines.append(f"- *{text}*{times}{who}: {why(program, text)}\n")
    return "".join(lines)
