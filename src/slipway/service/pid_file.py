"""A daemon's pid file: who holds its lock lives, whatever number stands in it.

Numbers are used again, and a command line proves nothing. The lock (flock) goes with the process, however that ends.
"""

import contextlib
import fcntl
import os

from slipway.base.errors import FailedPrecondition
from slipway.base.files import unlink_if_present, write_all


class PidFile:
    """Claimed from `claim` on until `release`, or the end of this process."""

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def claim(cls, path: str, *, program: str) -> "PidFile":
        """Lock the file, write our number into it. Raises OSError, FailedPrecondition when a living `program` has it.

        The original locks nothing: a number of a process whose executable file is called `program` counts as well.
        Ours never is: it runs on an interpreter.
        """
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            try:
                _lock(descriptor, path, program)
                if _is_at(descriptor, path):  # else its owner has just removed it
                    os.ftruncate(descriptor, 0)
                    write_all(descriptor, str(os.getpid()).encode())
                    return cls(path, descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def release(self) -> None:
        """Remove the file, unless somebody has put another in its place."""
        if _is_at(self._descriptor, self._path):
            unlink_if_present(self._path)
        os.close(self._descriptor)


def _lock(descriptor: int, path: str, program: str) -> None:
    pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(path, program, pid) from None
    if pid.isascii() and pid.isdigit() and _executable(pid) == program:
        raise _in_use(path, program, pid)


def _in_use(path: str, program: str, pid: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"claim pid file {path}: {program} runs already as process {pid}",
        hint="stop that one, or name another file with --pidfile",
    )


def _is_at(descriptor: int, path: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    return False


def _executable(pid: str) -> str:
    """The name of the file that a process runs; "" when there is none, or it is not for us to know."""
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))
    return ""
