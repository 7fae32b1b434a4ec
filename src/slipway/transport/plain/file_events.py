"""File events on the plain loop: who wants to know when a file is opened or changed asks here."""

from __future__ import annotations

import os

from slipway.linux import inotify
from slipway.transport.plain.loop import READABLE, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class FileEvents:
    """One inotify descriptor, made when the first watch is asked for: most processes never need it."""

    __slots__ = ("_callbacks", "_descriptor", "_loop")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._descriptor = -1
        self._callbacks: dict[int, Callable[[int], None]] = {}

    def watch(self, path: str, mask: int, callback: Callable[[int], None]) -> None:
        """Call `callback(mask)` at each event until the file is gone. The same path again replaces. Raises OSError."""
        if self._descriptor < 0:
            self._descriptor = inotify.create()
            self._loop.watch(self._descriptor, READABLE, self._happened)
        self._callbacks[inotify.add_watch(self._descriptor, path, mask)] = callback

    def close(self) -> None:
        if self._descriptor >= 0:
            self._loop.unwatch(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _happened(self, _events: int) -> None:
        for watch, mask in inotify.read_events(self._descriptor):
            callback = self._callbacks.get(watch)
            if callback is not None:
                callback(mask)
            if mask & inotify.IGNORED:
                self._callbacks.pop(watch, None)
