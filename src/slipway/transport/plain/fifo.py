"""Named pipes: the writing end that knows whether anybody reads, and the reading end that a half-close can end."""

from __future__ import annotations

import array
import fcntl
import os
import stat
import termios

from slipway.base.errors import InvalidArgument, NotFound


def open_fifo(path: str, flags: int) -> int:
    """A descriptor of the fifo at `path`, not blocking. Raises NotFound, InvalidArgument (no fifo), OSError."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise NotFound(f"open fifo {path}: no such file") from None
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidArgument(f"open fifo {path}: it is no fifo")
    return descriptor


def open_writer(path: str) -> int:
    """The writing end alone, also while nobody reads yet.

    Writing raises BrokenPipeError while nobody reads; what was written before stays in the fifo for the next reader,
    because we hold it open. (Opening for writing needs a reader: for that moment it is ourselves. fifo(7))
    """
    both = open_fifo(path, os.O_RDWR)
    try:
        return open_fifo(path, os.O_WRONLY)
    finally:
        os.close(both)


def unread_bytes(descriptor: int) -> int:
    """How many bytes wait in a pipe, at either of its ends."""
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]
