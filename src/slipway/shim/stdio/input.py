"""The input of a container: from the fifo that containerd's client writes to the container's pipe or terminal."""

from __future__ import annotations

import os

from slipway.transport.plain.fifo import open_fifo
from slipway.transport.plain.loop import READABLE, WRITABLE, Loop

_CHUNK = 64 * 1024


class Input:
    """Owns the fifo's ends; owns `sink` too when `closes_sink` (a pipe: closing it is the end of input).

    The fifo ends for us when all writers have closed it, and we are one ourselves until `half_close`: so a client that
    goes away and comes back can go on writing, and only one that says so (CloseIO) ends the container's input.
    """

    def __init__(self, loop: Loop, fifo: str, sink: int, *, closes_sink: bool) -> None:
        """Raises NotFound or InvalidArgument for a bad fifo."""
        self._loop = loop
        self._source = open_fifo(fifo, os.O_RDONLY)
        self._held_open = open_fifo(fifo, os.O_WRONLY)
        self._sink = sink
        self._closes_sink = closes_sink
        self._unsent = b""
        os.set_blocking(sink, False)
        loop.watch(self._source, READABLE, self._source_ready)

    def give(self) -> tuple[int, int, int, bool, bytes] | None:
        """All that it is, for `take` in another process; None when it has ended."""
        if self._source < 0:
            return None
        return self._source, self._held_open, self._sink, self._closes_sink, self._unsent

    @classmethod
    def take(cls, loop: Loop, given: tuple[int, int, int, bool, bytes]) -> Input:
        self = cls.__new__(cls)
        self._loop = loop
        self._source, self._held_open, self._sink, self._closes_sink, self._unsent = given
        self._send()
        return self

    def half_close(self) -> None:
        """No more input after what is in the fifo and what its present writers still write."""
        if self._held_open >= 0:
            os.close(self._held_open)
            self._held_open = -1

    def close(self) -> None:
        if self._source < 0:
            return
        self.half_close()
        self._loop.unwatch(self._source)
        self._loop.unwatch(self._sink)
        os.close(self._source)
        self._source = -1
        if self._closes_sink:
            os.close(self._sink)

    def _source_ready(self, _events: int) -> None:
        try:
            self._unsent = os.read(self._source, _CHUNK)
        except BlockingIOError:
            return
        if self._unsent:
            self._send()
        else:
            self.close()

    def _send(self, _events: int = 0) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._sink, self._unsent) :]
        except BlockingIOError:
            self._loop.unwatch(self._source)
            self._loop.watch(self._sink, WRITABLE, self._send)
            return
        except OSError:  # the container closed its input: EPIPE, or EIO from a terminal
            self.close()
            return
        self._loop.unwatch(self._sink)
        self._loop.watch(self._source, READABLE, self._source_ready)
