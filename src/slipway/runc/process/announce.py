"""Telling the caller which process it got: the pid file, and a pidfd over --pidfd-socket."""

import os

from slipway.base.errors import InternalError
from slipway.base.files import write_atomically
from slipway.linux import descriptors

# What the original's receivers find beside the descriptor.
INIT = b"standard"
JOINED = b"setns"


def write_pid_file(path: str, pid: int) -> None:
    """Whole or not at all. Raises OSError."""
    try:
        write_atomically(path, str(pid).encode(), mode=0o644, durable=False)
    except OSError as error:
        folder, _, name = path.rpartition("/")
        raise OSError(error.errno, error.strerror, f"open {folder}/.{name}") from None


def dial(path: str) -> int:
    """A connected stream socket. Raises OSError."""
    try:
        return descriptors.connect_unix(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"dial unix {path}: connect") from None


def dial_for_pidfd(path: str) -> int:
    """A socket for `send_pidfd`; -1 without a path. Raises InternalError."""
    if not path:
        return -1
    try:
        return dial(path)
    except OSError as error:
        # "dail" is what the original says.
        raise OSError(error.errno, error.strerror, f"failed to dail {path}: {error.filename}") from None


def send_pidfd(socket: int, pid: int, kind: bytes) -> None:
    """Send a descriptor of the process, and close the socket; -1 is none. Raises InternalError."""
    if socket < 0:
        return
    pidfd = os.pidfd_open(pid)
    try:
        descriptors.send_descriptor(socket, pidfd, kind)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise InternalError(f"failed to send pidfd on socket: {reason}") from None
    finally:
        os.close(pidfd)
        os.close(socket)
