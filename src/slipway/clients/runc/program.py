"""The two ways to run an OCI runtime in a forked child: exec a program by path, or call our runc's own main."""

from __future__ import annotations

import gc
import os

from slipway.base.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # Runs in the child, with the arguments after the program's name; returns the exit status, or never.
    Program = Callable[[list[str]], int]

_CANNOT_EXECUTE = 126  # as shells say it


def executed(name: str) -> Program:
    """A runtime by path, or by a name to be found on PATH. Raises InvalidArgument when it is not there.

    Looked up before the fork: the child's standard error may be the container's.
    """
    path = _find(name)

    def run(arguments: list[str]) -> int:
        try:
            os.execv(path, [name, *arguments])
        except OSError:
            return _CANNOT_EXECUTE

    return run


def forked(main: Callable[[list[str]], int]) -> Program:
    """A runtime whose code this process has loaded; `main` is the one of its own command line."""

    def run(arguments: list[str]) -> int:
        gc.disable()  # it ends before there is anything worth collecting
        return main(arguments)

    return run


def _find(name: str) -> str:
    folders = [""] if "/" in name else [f"{folder}/" for folder in os.get_exec_path()]
    for folder in folders:
        path = f"{folder}{name}"
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise InvalidArgument(
        f"runtime {name} is not installed: no such program {'' if '/' in name else 'on PATH'}".rstrip()
    )
