"""Waiting for the disk, a whole file system at once."""

import os

from slipway.linux.libc import libc_call


def synchronise_file_system(descriptor: int) -> None:
    """syncfs(2): everything written so far to the file system that the descriptor lies on. Raises OSError."""
    libc_call("syncfs", descriptor, what="syncfs")


def synchronise_path(path: str) -> None:
    """The same for the file system that a directory lies on. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        synchronise_file_system(descriptor)
    finally:
        os.close(descriptor)
