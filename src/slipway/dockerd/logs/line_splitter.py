"""Cuts a stream of bytes into log entries. Pure."""

from slipway.dockerd.logs.model import PARTIAL_SIZE


def split_lines(data: bytes) -> tuple[list[bytes], int]:
    """The entries that `data` begins with, and how many bytes they are.

    An entry is a line with its newline, or PARTIAL_SIZE bytes of one that would be longer. What follows the last of
    them is a line that is not finished: it is less than PARTIAL_SIZE bytes and stays where it is.
    """
    entries = []
    start = 0
    while start < len(data):
        end = data.find(b"\n", start, start + PARTIAL_SIZE) + 1
        if not end:
            if len(data) - start < PARTIAL_SIZE:
                break
            end = start + PARTIAL_SIZE
        entries.append(data[start:end])
        start = end
    return entries, start
