"""Somebody attached to a container's output: a bounded buffer between the pump's thread and the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable


class Subscriber:
    """Filled by the pump, emptied by one coroutine. When it holds HIGH_WATER bytes the pump leaves the pipe full:
    as with the original, a program that somebody attached to and does not read waits; nothing is dropped. What is left
    when the program has ended comes all the same (Output.MOST_AT_THE_END for each stream)."""

    HIGH_WATER = 1024 * 1024

    def __init__(self, streams: frozenset[str], *, drops: bool = False) -> None:
        self._drops = drops
        self.streams = streams
        self._lock = threading.Lock()
        self._chunks: deque[tuple[str, bytes]] = deque()
        self._size = 0
        self._ended = False
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._on_room: Callable[[], None] = lambda: None

    # The pump's side.

    @property
    def is_full(self) -> bool:
        return self._size >= self.HIGH_WATER and not self._ended and not self._drops

    def publish(self, stream: str, data: bytes) -> None:
        with self._lock:
            if self._ended or stream not in self.streams or (self._drops and self._size >= self.HIGH_WATER):
                return
            self._chunks.append((stream, data))
            self._size += len(data)
        self._wake()

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call `callback` (from the loop's thread) when a full buffer has been emptied."""
        self._on_room = callback

    # Either side.

    def end(self) -> None:
        """No more will come; what is there can still be read."""
        with self._lock:
            self._ended = True
        self._wake()
        self._on_room()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:
            return  # the loop is closed: the daemon ends

    # The loop's side.

    async def read(self) -> list[tuple[str, bytes]]:
        """What has arrived, as (stream, bytes), waiting for something; empty at the end. Not much more than HIGH_WATER
        bytes: they are copied on the event loop."""
        while True:
            with self._lock:
                if self._chunks:
                    was_full = self._size >= self.HIGH_WATER
                    chunks = self._take_chunks()
                    break
                if self._ended:
                    return []
                self._arrived.clear()
            await self._arrived.wait()
        if was_full:
            self._on_room()
        return chunks

    def _take_chunks(self) -> list[tuple[str, bytes]]:
        chunks, size = [], 0
        while self._chunks and size < self.HIGH_WATER:
            chunks.append(self._chunks.popleft())
            size += len(chunks[-1][1])
        self._size -= size
        return chunks
