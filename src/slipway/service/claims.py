"""What a daemon must have for itself: its folders, its sockets, and enough descriptors."""

import contextlib
import errno
import fcntl
import os
import socket
import stat
from typing import NamedTuple

from slipway.base.errors import FailedPrecondition, InvalidArgument, PermissionDenied, Unavailable
from slipway.base.files import make_folders

SOCKET_PATH_LIMIT = 107  # sockaddr_un.sun_path has 108 bytes, one of them for the end (man 7 unix)


def claim_folder(path: str, *, mode: int, what: str) -> int:
    """Make `path` (and what is above it) and lock it for this process; returns the descriptor that holds the lock.

    A folder of another user, or one that another daemon has locked, raises PermissionDenied or FailedPrecondition.
    The lock is an flock on `path/.lock`: it goes with the process, however that ends.
    """
    make_folder(path, mode=mode, what=what)
    descriptor = os.open(f"{path}/.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise FailedPrecondition(
            f"use {what} {path}: another daemon is using it", hint="stop that one, or name another folder"
        ) from error
    return descriptor


def make_folder(path: str, *, mode: int, what: str) -> None:
    """Make `path` with exactly `mode`, whatever the umask; parents get 0711. Raises PermissionDenied,
    InvalidArgument."""
    try:
        if parent := os.path.dirname(path):
            make_folders(parent, 0o711)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, mode)
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            raise InvalidArgument(f"use {what} {path}: it is not a folder")
        if status.st_uid != os.geteuid():
            raise PermissionDenied(f"use {what} {path}: it belongs to user {status.st_uid}")
        if stat.S_IMODE(status.st_mode) != mode:
            os.chmod(path, mode)
    except OSError as error:
        raise PermissionDenied(f"make {what} {path}: {error.strerror}") from error


def listen_unix(path: str, *, mode: int = 0o660, owner: int = -1, group: int = -1, backlog: int = 128) -> socket.socket:
    """A listening unix socket at `path`, non-blocking. One that nobody answers on is replaced; one in use raises
    FailedPrecondition.

    The socket gets its mode before it listens: nobody can connect in between.
    """
    if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
        raise InvalidArgument(f"listen on {path}: the path is longer than {SOCKET_PATH_LIMIT} bytes")
    _remove_stale_socket(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        listener.bind(path)
        os.chmod(path, mode)
        if owner >= 0 or group >= 0:
            os.chown(path, owner, group)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise Unavailable(f"listen on {path}: {error.strerror}") from error
    return listener


class SocketFile(NamedTuple):
    """The file of a socket that a daemon of ours has bound."""

    path: str
    inode: int

    @classmethod
    def at(cls, path: str) -> "SocketFile":
        return cls(path, os.stat(path).st_ino)

    def remove(self) -> None:
        """Remove it, unless another daemon has bound that name meanwhile, or somebody has removed it."""
        with contextlib.suppress(FileNotFoundError):
            if os.stat(self.path).st_ino == self.inode:
                os.unlink(self.path)


def _remove_stale_socket(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FailedPrecondition(f"listen on {path}: a file that is not a socket is there")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.settimeout(1)
        code = probe.connect_ex(path)
    if code not in (errno.ECONNREFUSED, errno.ENOENT):
        raise FailedPrecondition(
            f"listen on {path}: the socket is in use",
            hint="another daemon answers there; stop it, or name another address",
        )
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
