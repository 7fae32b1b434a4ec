"""Streams of the event loop, read and written by a thread."""

import asyncio
import queue
from collections.abc import Callable
from typing import Final

from slipway.containerd.transfer.interface import ByteSource

_AHEAD: Final = 64  # pieces of about 32 KiB
_GATHERED: Final = 1 << 18


class ReadAhead:
    """`fill` runs on the loop, `next_chunk` in the thread. The reader's end, or its death, ends `fill`'s work."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(_AHEAD)
        self._pieces: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()

    async def fill(self) -> None:
        """Read everything. Errors are raised where the pieces are taken."""
        try:
            while data := await self._source.read():
                await self._room.acquire()
                self._pieces.put(data)
            self._pieces.put(b"")
        except BaseException as error:
            self._pieces.put(error)
            if isinstance(error, asyncio.CancelledError):
                raise

    def next_chunk(self) -> bytes:
        """The next piece; b"" at the end, again and again. Raises what the source raised."""
        piece = self._pieces.get()
        if isinstance(piece, BaseException):
            raise piece
        if piece:
            self._loop.call_soon_threadsafe(self._room.release)
        else:
            self._pieces.put(b"")
        return piece


class BufferedWriter:
    """Gathers small pieces: each one that goes to the loop costs a change of threads."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._write(bytes(self._waiting))
            self._waiting.clear()
