"""Threads for coroutines that may be cancelled: a thread cannot be, and a job that waits for one must be done."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar


class Closable(Protocol):
    def close(self) -> None: ...


Opened = TypeVar("Opened", bound=Closable)


async def close_in_thread(opened: Closable) -> None:
    """Close, also when the caller is cancelled meanwhile: then it is closed a little later."""
    await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, opened.close))


async def open_in_thread(open_it: Callable[[], Opened | None]) -> Opened | None:
    """Open; what comes when the caller has been cancelled meanwhile is closed again."""
    loop = asyncio.get_running_loop()
    opening = loop.run_in_executor(None, open_it)

    def close_late(done: "asyncio.Future[Opened | None]") -> None:
        if not done.cancelled() and done.exception() is None and (opened := done.result()) is not None:
            loop.run_in_executor(None, opened.close)

    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(close_late)
        raise
