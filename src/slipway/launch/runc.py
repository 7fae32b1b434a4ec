"""The process `runc`: makes sure of its own program file, then runs one command."""

import gc
import os
import sys

from slipway.launch import compiled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


# These make processes that a container can reach: they must not run from a file that can be written.
_JOINING_VERBS = ("create", "exec", "run")


def main(kept: str = "") -> "NoReturn":
    """Never returns. `-I -S` and all other words of the interpreter's own command line are kept for a second start.

    `kept` is a folder, closed to others, for a read-only mount of the interpreter: a launcher that starts Python from
    there saves the second start. Without it nothing is left on the machine.
    """
    gc.disable()  # a short life: looking for garbage costs more than it could give back
    argv = sys.argv[1:]
    if any(verb in argv for verb in _JOINING_VERBS):
        _run_from_unwritable_file(kept)
    modules = compiled.use("runc")
    from slipway.runc.main import main as run  # after the second start, not before it too

    status = run(argv)
    modules.keep(_load_all)
    os._exit(status)


def _run_from_unwritable_file(kept: str) -> None:
    """Start again from one, unless this is it already. Where that fails, `runc.main` says so."""
    if os.statvfs("/proc/self/exe").f_flag & os.ST_RDONLY:
        return
    given = _open_descriptors()
    from slipway.linux import executable

    for descriptor in _open_descriptors() - given:
        os.set_inheritable(descriptor, False)  # libffi keeps one of its own file open, which exec(2) would let through
    if executable.is_unwritable():
        return
    program = sys.orig_argv[0]
    if kept and program.startswith("/"):
        try:
            path = executable.keep_readonly(kept, program)
            os.execve(path, [path, *sys.orig_argv[1:]], os.environ)
        except OSError:
            pass  # not root, no /run, an old kernel: a clone that is mounted nowhere may do
    for execute in (executable.execute_readonly, executable.execute_sealed):
        try:
            execute(sys.orig_argv, os.environ)
        except OSError:
            continue  # not root; a kernel or a filter that does not know how


def _open_descriptors() -> set[int]:
    return {number for number in map(int, os.listdir("/proc/self/fd")) if _is_open(number)}


def _is_open(descriptor: int) -> bool:
    """The one that the list was read from is not."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _load_all() -> None:
    from slipway.runc.preload import preload

    preload()
