"""The socket of a shim: a real file in a folder that only root can enter, never an abstract name (CVE-2020-15257)."""

from __future__ import annotations

import os

from slipway.base.errors import PermissionDenied
from slipway.transport.plain.stream import listen_unix


def new_socket_path(address: str) -> str:
    """A path beside containerd's own socket `address`: short (107 bytes are all there is), and of nobody else."""
    return f"{os.path.dirname(address) or '/run/containerd'}/s/{os.urandom(16).hex()}"


def listen(path: str) -> int:
    """A listening socket at `path`, its folder made if need be. Raises PermissionDenied where others may write."""
    folder = os.path.dirname(path)
    os.makedirs(folder, 0o700, exist_ok=True)
    status = os.stat(folder, follow_symlinks=False)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionDenied(f"use {folder} for shim sockets: others may write there")
    return listen_unix(path)
