"""`./dev sabotage [NAME ...]`: breaks a copy of the source line by line; each breakage must turn its test red."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.sabotage.breakages import ALL, Breakage
from tools.dev.environment import CHECKOUT
from tools.dev.progress import Progress

COPIED = ("src", "tests", "tools", "bin", "examples", "pyproject.toml")
TESTS_FAILED = 1  # pytest's exit status; anything else means that the test did not get to judge


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev sabotage", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these breakages")
    names = parser.parse_args(argv[1:]).names
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
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-x", "-p", "no:cacheprovider", breakage.test]
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CI")}
        done = subprocess.run(
            command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    return done.returncode == TESTS_FAILED, done.stdout


def _copy(origin: Path, target: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(origin, target)
