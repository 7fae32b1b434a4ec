"""One line that tells how far long work is: rewritten in place on a terminal, printed once at the end elsewhere."""

import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from tools.dev import interruptible


class Progress:
    """`with Progress("name", 20) as progress: progress.at(3)`. `total` 0 means: nobody knows how much there is."""

    def __init__(self, name: str, total: int = 0, out: TextIO | None = None) -> None:
        self.name, self.total = name, total
        self._out = out or sys.stderr
        self._is_terminal = self._out.isatty()
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._show("...")
        return self

    def at(self, number: int, note: str = "") -> None:
        """`number` of `total` is done."""
        self._show(f"{number}/{self.total} {note}" if self.total else f"{number} {note}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.monotonic() - self._began
        ending = "" if error is None else "  (not finished)"
        self._out.write(f"{chr(13) if self._is_terminal else ''}{self.name}: {seconds:.1f} s{ending}{self._clear()}\n")
        self._out.flush()

    def _show(self, text: str) -> None:
        if self._is_terminal:
            self._out.write(f"\r{self.name}: {text}{self._clear()}")
            self._out.flush()

    def _clear(self) -> str:
        return "\x1b[K" if self._is_terminal else ""


def run(name: str, argv: Sequence[str], *, own_session: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run a command, telling its seconds as they pass. `stdout` of the result is all that it wrote, errors too.

    An interrupt waits for the command's own end: apt must not be killed while it unpacks.
    """
    with Progress(name) as progress:
        began = time.monotonic()
        return interruptible.run(
            argv, own_session=own_session, each_second=lambda: progress.at(round(time.monotonic() - began), "s")
        )
