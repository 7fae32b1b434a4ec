"""Paths that an archive makes its reader remember: each once, in order, and no more than a bound."""

from collections.abc import Iterator
from typing import Final

from slipway.base.errors import InvalidArgument

# A header of 512 bytes can name two thousand directories, whose paths have 4 MB: a bound on entries would be none.
LIMIT: Final = 16 << 20  # bytes
_EACH: Final = 64  # bytes that a path takes beside its own


class Remembered:
    def __init__(self, what: str) -> None:
        """`what` they are, for the error."""
        self._what = what
        self._paths: dict[bytes, None] = {}
        self._size = 0

    def add(self, path: bytes) -> None:
        """Raises InvalidArgument when they have become too many."""
        if path in self._paths:
            return
        self._size += len(path) + _EACH
        if self._size > LIMIT:
            raise InvalidArgument(f"unpack: the names of {self._what} have more than {LIMIT} bytes")
        self._paths[path] = None

    def discard(self, path: bytes) -> None:
        if path in self._paths:
            del self._paths[path]
            self._size -= len(path) + _EACH

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._paths)
