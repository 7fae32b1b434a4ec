"""The kernel's namespaces: kinds, leaving and joining."""

import errno
import fcntl
import os

from slipway.linux.libc import libc_call
from slipway.linux.namespace_flags import CLONE_NEWUSER, FILES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeVar

    T = TypeVar("T")

# ioctl_ns(2): _IO(0xb7, 3).
_NS_GET_NSTYPE = 0xB703


def unshare(flags: int) -> None:
    """Leave the named namespaces for new ones. CLONE_NEWPID counts from the next fork on."""
    libc_call("unshare", flags, what="unshare namespaces")


def join(descriptor: int, flags: int) -> None:
    """Enter by a namespace file (one flag), or by a pidfd (several at once, Linux 5.8)."""
    libc_call("setns", descriptor, flags, what="setns")


def join_path(path: str, flag: int) -> None:
    """Enter the namespace of a kind that a file (bind mount or /proc/PID/ns/KIND) stands for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc_call("setns", descriptor, flag, what=path)
    finally:
        os.close(descriptor)


def kind_of(descriptor: int) -> int:
    """The CLONE_NEW* flag of the namespace that a file stands for; 0 if it stands for none."""
    try:
        return fcntl.ioctl(descriptor, _NS_GET_NSTYPE)
    except OSError as error:
        if error.errno not in (errno.ENOTTY, errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP, errno.ENOTDIR):
            raise
        return 0


def new_user_namespace(uid_map: str, gid_map: str) -> int:
    """A descriptor of a new user namespace with these mappings (lines of user_namespaces(7)) and nobody in it.

    Raises OSError if the kernel refuses them.
    """

    def look(pid: int) -> int:
        for file, lines in (("uid_map", uid_map), ("gid_map", gid_map)):
            write_process_file(pid, file, lines)
        return os.open(path_of(pid, CLONE_NEWUSER), os.O_RDONLY | os.O_CLOEXEC)

    return _with_process_in(lambda: unshare(CLONE_NEWUSER), look)


def mappings_in(namespace: int) -> tuple[str, str]:
    """(uid_map, gid_map) of the user namespace of a descriptor, seen from ours. Raises OSError: EINVAL for our own."""

    def look(pid: int) -> tuple[str, str]:
        return _read(f"/proc/{pid}/uid_map"), _read(f"/proc/{pid}/gid_map")

    return _with_process_in(lambda: join(namespace, CLONE_NEWUSER), look)


def write_process_file(pid: int, name: str, text: str) -> None:
    """One write, as the kernel demands of these files. Raises OSError that names the file."""
    path = f"/proc/{pid}/{name}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(descriptor)


def _with_process_in(enter: "Callable[[], None]", look: "Callable[[int], T]") -> "T":
    """`look` at a child that did `enter` and then waits for us to be done, or dead."""
    ready, report = os.pipe2(os.O_CLOEXEC)
    wait, done = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(done)
        _enter_and_wait(enter, report, wait)
    os.close(report)
    os.close(wait)
    try:
        number = int(os.read(ready, 16) or errno.EIO)
        if number:
            raise OSError(number, os.strerror(number), "user namespace")
        return look(pid)
    finally:
        os.close(ready)
        os.close(done)
        os.waitpid(pid, 0)


def _enter_and_wait(enter: "Callable[[], None]", report: int, wait: int) -> "NoReturn":
    try:
        number = 0
        try:
            enter()
        except OSError as error:
            number = error.errno or errno.EIO
        os.write(report, str(number).encode())
        os.read(wait, 1)
    finally:
        os._exit(0)


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("ascii")


def path_of(pid: int, flag: int) -> str:
    return f"/proc/{pid}/ns/{FILES[flag]}"
