"""The writing end of a process's stdin fifo, on the event loop."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress


class StdinFifo:
    """Opened for reading too, so that opening never waits for the shim; closing it is the end of the input."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._closed = asyncio.Event()
        self._writing = asyncio.Lock()  # a loop wakes one writer of a descriptor

    async def write(self, data: bytes) -> None:
        """Write all of `data` in one piece, waiting while the process does not read, or another of us writes.

        Raises BrokenPipeError after `close`.
        """
        async with self._writing:
            await self._write(memoryview(data))

    async def _write(self, view: memoryview) -> None:
        while view:
            if self._descriptor < 0:
                raise BrokenPipeError("the process takes no more input")
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                await self._wait_writable()

    def close(self) -> None:
        """Idempotent; a `write` that waits raises."""
        if self._descriptor >= 0:
            with suppress(ValueError):
                asyncio.get_running_loop().remove_writer(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            self._closed.set()

    async def _wait_writable(self) -> None:
        loop = asyncio.get_running_loop()
        writable = asyncio.Event()
        on_writable: Callable[[], None] = writable.set
        descriptor = self._descriptor
        loop.add_writer(descriptor, on_writable)
        waits = [loop.create_task(writable.wait()), loop.create_task(self._closed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            if self._descriptor == descriptor:
                loop.remove_writer(descriptor)
