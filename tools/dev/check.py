"""`./dev check`: format, lint, types, layers, unit tests, side by side. For every commit, under 60 s."""

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tools.dev import say
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
    if argv[1:]:
        say.warn(f"check does not take {' '.join(argv[1:])}")
        return 2
    with ExitStack() as stack:
        steps = [stack.enter_context(Step(name, command)) for name, command in STEPS]
        failed = [step.name for step in steps if not step.passes()]
    print(f"check failed: {', '.join(failed)}" if failed else "check passed")
    return 1 if failed else 0


class Step:
    """One step, running while others do: each keeps one core busy. Ended with the `with`."""

    def __init__(self, name: str, command: tuple[str, ...]) -> None:
        self.name = name
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed by __exit__
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        self._said.close()

    def passes(self) -> bool:
        """Wait for its end and tell of it; its output shows only when it has failed."""
        print(f"{self.name:<8}", end="", flush=True)
        good = self._process.wait() in (0, NO_TESTS_COLLECTED)
        print(f"{'ok' if good else 'FAILED'}  {time.monotonic() - self._began:.1f} s", flush=True)
        if not good:
            self._said.seek(0)
            print(self._said.read(), flush=True)
        return good
