"""Work that must come to its end whatever becomes of the caller."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from slipway.base.errors import EngineError
from slipway.base.exhaustion import is_exhausted


class LastingWork:
    """`what` is what the log calls it where it fails for a reason that nobody foresaw."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._under_way: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        begun = asyncio.ensure_future(work)
        self._under_way.add(begun)
        begun.add_done_callback(self._ended)
        return begun

    async def wait(self) -> None:
        """Until all that is under way has ended."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _ended(self, begun: "asyncio.Task[Any]") -> None:
        """The caller has its error, unless it has gone meanwhile: then only a bug is worth a line."""
        self._under_way.discard(begun)
        error = None if begun.cancelled() else begun.exception()
        if error is not None and not isinstance(error, EngineError) and not is_exhausted(error):
            self._log.error("%s failed", self._what, exc_info=error)
