"""The process `runc`: makes sure of its own program file, then runs one command."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


# These make processes that a container can reach: they must not run from a file that can be written.
_JOINING_VERBS = ("create", "exec", "run")


def main() -> "NoReturn":
    """Never returns. `-I -S` and all other words of the interpreter's own command line are kept for a second start."""
    argv = sys.argv[1:]
    if any(verb in argv for verb in _JOINING_VERBS):
        _run_from_readonly_file()
    from slipway.runc.main import main as run  # after the second start, not before it too

    os._exit(run(argv))


def _run_from_readonly_file() -> None:
    """Start again from a read-only clone, unless this is it already. Where that fails, `runc.main` says so."""
    from slipway.linux import executable

    try:
        if not executable.is_readonly():
            executable.execute_readonly(sys.orig_argv, os.environ)
    except OSError:
        return
