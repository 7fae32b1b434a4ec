"""`./dev sabotage [NAME ...]`: breaks a copy of the source line by line; each breakage must turn its test red."""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from tests.sabotage.breakages import ALL, Breakage
from tools.dev.environment import CHECKOUT
from tools.dev.progress import Progress
from tools.dev.suite import interrupt, prepare, start_pytest

COPIED = ("src", "tests", "tools", "bin", "examples", "pyproject.toml")
TESTS_FAILED = 1  # pytest's exit status; anything else means that the test did not get to judge


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev sabotage", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these breakages")
    names = parser.parse_args(argv[1:]).names
    if unknown := set(names) - {breakage.name for breakage in ALL}:
        parser.error(
            f"there is no breakage {', '.join(sorted(unknown))} (hint: tests/sabotage/breakages.py lists them)"
        )
    prepare(with_guest=False)  # a test that lacks something is red, too
    chosen = [breakage for breakage in ALL if not names or breakage.name in names]
    unnoticed = []
    for breakage in chosen:
        with Progress(f"sabotage: {breakage.name}"):
            noticed, said = is_noticed(breakage)
        if not noticed:
            unnoticed.append(breakage.name)
            print(f"UNNOTICED {breakage.name}: {breakage.test} did not turn red\n{said[-3000:]}")
    print(f"{len(chosen) - len(unnoticed)} passed, {len(unnoticed)} failed, 0 skipped")
    return 1 if unnoticed else 0


def is_noticed(breakage: Breakage) -> tuple[bool, str]:
    """Whether the breakage's test fails on a copy of the checkout that has it; and what pytest said."""
    with tempfile.TemporaryDirectory(prefix="sws", dir="/tmp") as folder:
        copy = Path(folder)
        for name in COPIED:
            _copy(CHECKOUT / name, copy / name)
        (copy / ".dev").mkdir()
        os.symlink(CHECKOUT / ".dev" / "cache", copy / ".dev" / "cache")
        breakage.apply(copy)
        status, said = run_test(copy, breakage.test)
    return status == TESTS_FAILED, said


def run_test(checkout: Path, test: str) -> tuple[int, str]:
    """`checkout`'s pytest on `test`: its exit status and its words. An interrupt waits until it has cleaned up."""
    options = ["-q", "--no-header", "-x", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CI")}
    with tempfile.TemporaryFile() as out:
        process = start_pytest([*options, test], environment, out=out, err=out, folder=checkout)
        try:
            status = process.wait()
        except KeyboardInterrupt:
            interrupt(process)
            raise
        out.seek(0)
        return status, out.read().decode("utf-8", "replace")


def _copy(origin: Path, target: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(origin, target)
