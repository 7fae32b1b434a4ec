"""The process `runc`: makes sure of its own program file, then runs one command."""

import os
import sys

from slipway.base.errors import EngineError
from slipway.runc import main as program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Never returns. `-I -S` and all other words of the interpreter's own command line are kept for a second start."""
    argv = sys.argv[1:]
    if any(verb in argv for verb in program.JOINING_VERBS):
        _run_from_readonly_file()
    status = program.main(argv)
    os._exit(status)


def _run_from_readonly_file() -> None:
    """Start again from a read-only clone, unless this is it already. Where that fails, `program.main` says so."""
    from slipway.linux import executable

    try:
        if not executable.is_readonly():
            executable.execute_readonly(sys.orig_argv, os.environ)
    except (OSError, EngineError):
        return
