"""tee(2): what is in a pipe, without taking it out."""

from slipway.linux.libc import libc_call

SPLICE_F_NONBLOCK = 2  # include/linux/splice.h


def tee(from_pipe: int, to_pipe: int, size: int) -> int:
    """Copy up to `size` bytes of one pipe into another; both keep them. Returns how many, 0 when no writer is left.

    Raises BlockingIOError when the first is empty or the second full.
    """
    return libc_call("tee", from_pipe, to_pipe, size, SPLICE_F_NONBLOCK, what="tee")
