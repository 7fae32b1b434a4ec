"""The socket of a shim: a real file in a folder that only root can enter, never an abstract name (CVE-2020-15257)."""

from __future__ import annotations

import os

from slipway.base.errors import PermissionDenied
from slipway.base.files import unlink_if_present
from slipway.transport.plain.stream import listen_unix


class Bound:
    """A shim's socket before anybody serves it: clients can connect already, and wait.

    Or, where `listener` is -1, that of a group whose shim serves already: the process `pid` (0: it does not say).
    """

    __slots__ = ("is_shared", "listener", "path", "pid")

    def __init__(self, path: str, listener: int, *, is_shared: bool = False, pid: int = 0) -> None:
        self.path = path
        self.listener = listener
        self.is_shared = is_shared
        self.pid = pid

    @property
    def address(self) -> str:
        return f"unix://{self.path}"

    @property
    def is_served(self) -> bool:
        return self.listener < 0

    def close(self) -> None:
        os.close(self.listener)
        unlink_if_present(self.path)


def socket_folder(address: str) -> str:
    """Beside containerd's own socket `address`: short (a path may have 107 bytes)."""
    return f"{os.path.dirname(address) or '/run/containerd'}/s"


def new_socket_path(address: str) -> str:
    """A path of nobody else."""
    return f"{socket_folder(address)}/{os.urandom(16).hex()}"


def listen(path: str) -> int:
    """A listening socket at `path`, its folder made if need be. Raises PermissionDenied where others may write."""
    make_folder(path)
    return listen_unix(path)


def make_folder(path: str) -> None:
    """The folder of the socket `path`. Raises PermissionDenied where others may write."""
    folder = os.path.dirname(path)
    os.makedirs(folder, 0o700, exist_ok=True)
    status = os.stat(folder, follow_symlinks=False)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionDenied(f"use {folder} for shim sockets: others may write there")
