"""The two ways to run an OCI runtime in a forked child: exec a program by path, or call our runc's own main."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # Runs in the child, with the arguments after the program's name; returns the exit status, or never.
    Program = Callable[[list[str]], int]

_CANNOT_EXECUTE = 126  # as shells say it


def executed(name: str) -> Program:
    """A runtime by path, or by a name to be found on PATH; looked up in the child, where a failure is reported."""

    def run(arguments: list[str]) -> int:
        try:
            os.execvp(name, [name, *arguments])
        except OSError as error:
            os.write(2, f"exec {name}: {error.strerror}\n".encode())
        return _CANNOT_EXECUTE

    return run


def forked(main: Callable[[Sequence[str]], int]) -> Program:
    """A runtime whose code this process has loaded; `main` is the one of its own command line."""

    def run(arguments: list[str]) -> int:
        return main(arguments)

    return run
