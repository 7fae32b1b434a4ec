"""A stream read, decompressed and hashed by a thread of its own, while another takes the pieces."""

import os
import queue
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from slipway.archive.compression import plain_chunks
from slipway.base.digests import ALGORITHM, new_hash

_READ: Final = 1 << 18
_AHEAD: Final = 8  # pieces of at most 1 MiB: what may lie between the two threads


class HashedStream:
    """The plain content of a descriptor from its position on, whatever its compression. Use as a context manager.

    isal, zstd and sha256 let go of the interpreter's lock, so both threads work at the same time.
    """

    def __init__(self, descriptor: int) -> None:
        """`descriptor` stays the caller's, who closes it after this object."""
        self._descriptor = descriptor
        self._pieces: queue.Queue[bytes | BaseException] = queue.Queue(_AHEAD)
        self._hash = new_hash()
        self._stopped = False
        self._ended = False
        self._thread = threading.Thread(target=self._produce, name="decompress", daemon=True)
        self._thread.start()

    def next_chunk(self) -> bytes:
        """The next piece; b"" at the end, again and again. Raises InvalidArgument for a damaged stream, OSError."""
        if self._ended:
            return b""
        piece = self._pieces.get()
        if isinstance(piece, BaseException):
            raise piece
        self._ended = not piece
        return piece

    def digest(self) -> str:
        """The digest of the plain content; right when `next_chunk` has given its end."""
        return f"{ALGORITHM}:{self._hash.hexdigest()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        while self._thread.is_alive():
            try:
                self._pieces.get(timeout=0.01)  # it may wait for room
            except queue.Empty:
                continue

    def _produce(self) -> None:
        try:
            for piece in self._plain():
                if self._stopped:
                    return
                self._hash.update(piece)
                self._pieces.put(piece)
            self._pieces.put(b"")
        except BaseException as error:  # noqa: BLE001 - it is raised again where the pieces are taken
            self._pieces.put(error)

    def _plain(self) -> Iterator[bytes]:
        return plain_chunks(lambda: os.read(self._descriptor, _READ))
