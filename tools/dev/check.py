"""`./dev check`: format, lint, types, layers, unit tests; all, also when one fails. For every commit, under 60 s."""

import subprocess
import sys
import time
from pathlib import Path

from tools.dev.environment import CHECKOUT

BIN = Path(sys.executable).parent
STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", (str(BIN / "ruff"), "format", "--check", "--quiet")),
    ("lint", (str(BIN / "ruff"), "check", "--quiet")),
    ("types", (str(BIN / "mypy"), "--no-error-summary")),
    ("layers", (sys.executable, "-m", "pytest", "-q", "--no-header", "tests/architecture")),
    ("unit", (sys.executable, "-m", "pytest", "-q", "--no-header", "tests/unit", "tests/contract")),
)
NO_TESTS_COLLECTED = 5  # pytest's exit status


def main(argv: list[str]) -> int:
    failed = [name for name, command in STEPS if not passes(name, command)]
    print(f"check failed: {', '.join(failed)}" if failed else "check passed")
    return 1 if failed else 0


def passes(name: str, command: tuple[str, ...]) -> bool:
    """Run one step; its output shows only when it fails."""
    print(f"{name:<8}", end="", flush=True)
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    good = done.returncode in (0, NO_TESTS_COLLECTED)
    print(f"{'ok' if good else 'FAILED'}  {time.monotonic() - began:.1f} s", flush=True)
    if not good:
        print(done.stdout, flush=True)
    return good
