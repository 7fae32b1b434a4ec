"""Waiting for the disk, a whole file system at once."""

from slipway.linux.libc import libc_call


def synchronise_file_system(descriptor: int) -> None:
    """syncfs(2): everything written so far to the file system that the descriptor lies on. Raises OSError."""
    libc_call("syncfs", descriptor, what="syncfs")
