"""What a container wrote while nobody read: kept in order, first in memory, then in a file without a name.

The file is a ring of `LIMIT` bytes, so it is bounded however long the reader stays away. At the bound `full` says to
stop reading from the container: from then on its writes block, as they do on a full pipe; nothing is lost.
"""

from __future__ import annotations

import os

MEMORY = 64 * 1024
LIMIT = 64 * 1024 * 1024


class Spill:
    """A first-in, first-out store of bytes. `directory` is where the file is made, when it is first needed."""

    __slots__ = ("_directory", "_file", "_first", "_head", "_last", "_limit", "_next")

    def __init__(self, directory: str, limit: int = LIMIT) -> None:
        self._directory = directory
        self._limit = limit
        self._file = -1
        self._first = 0  # counts of all bytes ever taken from, and put into, the file
        self._next = 0
        self._head = b""  # older than all in the file
        self._last = b""  # younger than all in the file: what the disk did not take

    @property
    def pending(self) -> int:
        return len(self._head) + (self._next - self._first) + len(self._last)

    @property
    def full(self) -> bool:
        """Whether the next `append` must wait until something has been dropped."""
        return bool(self._last) or self._next - self._first + MEMORY > self._limit

    @property
    def is_stuck(self) -> bool:
        """Whether it is `full` because the disk took nothing: `retry` may help."""
        return bool(self._last)

    def retry(self) -> bool:
        """Give the disk what it did not take; whether it has it now."""
        data, self._last = self._last, b""
        try:
            if data:
                self._write(data)
        except OSError:
            self._last = data
        return not self._last

    def append(self, data: bytes) -> None:
        """Keep at most MEMORY bytes more; not to be called while `full`. A full disk makes it `full`, no error."""
        if self._next == self._first and len(self._head) + len(data) <= MEMORY:
            self._head += data
            return
        try:
            self._write(data)
        except OSError:
            self._last = data

    def peek(self, size: int) -> bytes:
        """The oldest bytes, at most `size`, at least one unless nothing is pending."""
        if self._head:
            return self._head[:size]
        if self._next > self._first:
            position = self._first % self._limit
            length = min(size, self._next - self._first, self._limit - position)
            return os.pread(self._file, length, position)
        return self._last[:size]

    def drop(self, size: int) -> None:
        """Forget the oldest `size` bytes: at most as many as the last `peek` returned."""
        if self._head:
            self._head = self._head[size:]
        elif self._next > self._first:
            self._first += size
        else:
            self._last = self._last[size:]
        if self._next == self._first and self._file >= 0:
            self._forget_file()

    def close(self) -> None:
        self._forget_file()
        self._head = self._last = b""

    def _forget_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1
        self._first = self._next = 0

    def _write(self, data: bytes) -> None:
        if self._file < 0:
            self._file = os.open(self._directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        written = 0
        while written < len(data):
            position = (self._next + written) % self._limit
            part = data[written : written + self._limit - position]
            written += os.pwrite(self._file, part, position)
        self._next += len(data)
