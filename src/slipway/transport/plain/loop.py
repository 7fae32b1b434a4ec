"""A small event loop on epoll for processes that must stay small: coroutines, timers, descriptors. One thread.

A coroutine awaits a `Future`; whoever resolves it makes the coroutine go on in the same turn of the loop. There is no
cancellation: what waits for something that never comes holds a few hundred bytes until the process ends.
"""

from __future__ import annotations

import heapq
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from typing import Any

READABLE = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP
WRITABLE = select.EPOLLOUT


class Future:
    """A value, or an error, that will come. Resolve it once; resolving again is ignored."""

    __slots__ = ("_loop", "_waiting", "done", "error", "value")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: list[Callable[[], None]] = []
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None

    def resolve(self, value: Any = None) -> None:
        if not self.done:
            self.done, self.value = True, value
            self._wake()

    def fail(self, error: BaseException) -> None:
        if not self.done:
            self.done, self.error = True, error
            self._wake()

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the loop's turn when the value is there; at once in the next turn if it already is."""
        if self.done:
            self._loop.call_soon(callback)
        else:
            self._waiting.append(callback)

    def _wake(self) -> None:
        for callback in self._waiting:
            self._loop.call_soon(callback)
        self._waiting = []

    def __await__(self) -> Generator[Future, None, Any]:
        if not self.done:
            yield self
        if self.error is not None:
            raise self.error
        return self.value


class Task(Future):
    """A coroutine that runs by itself; await it for its result. An error that nobody awaits goes to the loop."""

    __slots__ = ("_coroutine",)

    def __init__(self, loop: Loop, coroutine: Coroutine[Any, Any, Any]) -> None:
        super().__init__(loop)
        self._coroutine = coroutine
        loop.call_soon(self._step)

    def _step(self) -> None:
        try:
            awaited = self._coroutine.send(None)
        except StopIteration as stop:
            self.resolve(stop.value)
        except Exception as error:  # noqa: BLE001 - handed on to whoever awaits, or to the loop's on_error
            if not self._waiting:
                self._loop.on_error(error)
            self.fail(error)
        else:
            awaited.when_done(self._step)


class Timer:
    """What `call_later` returns; `cancel` may be called at any time."""

    __slots__ = ("callback", "due", "order")

    def __init__(self, due: float, order: int, callback: Callable[[], None]) -> None:
        self.due = due
        self.order = order
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: Timer) -> bool:
        return (self.due, self.order) < (other.due, other.order)


class Loop:
    """Open it after the last fork: an epoll descriptor shared with a parent reports the parent's events."""

    def __init__(self, on_error: Callable[[BaseException], None] | None = None) -> None:
        self._epoll: select.epoll
        self._watched: dict[int, Callable[[int], None]] = {}
        self._ready: list[Callable[[], None]] = []
        self._timers: list[Timer] = []
        self._order = 0
        self._running = False
        self.on_error = on_error or self._raise

    def open(self) -> None:
        """Before anything else but `call_soon` and `spawn`."""
        self._epoll = select.epoll()

    @staticmethod
    def _raise(error: BaseException) -> None:
        raise error

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._ready.append(callback)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        self._order += 1
        timer = Timer(time.monotonic() + seconds, self._order, callback)
        heapq.heappush(self._timers, timer)
        return timer

    def future(self) -> Future:
        return Future(self)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> Task:
        return Task(self, coroutine)

    async def sleep(self, seconds: float) -> None:
        woken = self.future()
        self.call_later(seconds, woken.resolve)
        await woken

    async def done_within(self, future: Future, seconds: float) -> bool:
        """Wait for `future`, at most `seconds`; whether it is done. Its error, if any, is not raised."""
        either = self.future()
        timer = self.call_later(seconds, either.resolve)
        future.when_done(either.resolve)
        await either
        timer.cancel()
        return future.done

    def watch(self, descriptor: int, events: int, callback: Callable[[int], None]) -> None:
        """Call `callback(events)` while `descriptor` is in one of `events` (level triggered). Watching again replaces.

        EPOLLHUP and EPOLLERR are always reported. Raises OSError (EPERM for a regular file).
        """
        if descriptor in self._watched:
            self._epoll.modify(descriptor, events)
        else:
            self._epoll.register(descriptor, events)
        self._watched[descriptor] = callback

    def unwatch(self, descriptor: int) -> None:
        """Forget a descriptor; call it before closing. Unwatching twice is harmless."""
        if self._watched.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    async def ready(self, descriptor: int, events: int) -> int:
        """Wait until `descriptor` is in one of `events`; which ones."""
        future = self.future()
        self.watch(descriptor, events, future.resolve)
        try:
            happened: int = await future
        finally:
            self.unwatch(descriptor)
        return happened

    def run(self) -> None:
        """Serve until `stop`."""
        self._running = True
        while self._running:
            self._turn()

    def run_until(self, future: Future) -> Any:
        """Serve until `future` is done; its value or its error."""
        while not future.done:
            self._turn()
        if future.error is not None:
            raise future.error
        return future.value

    def stop(self) -> None:
        self._running = False

    def close(self) -> None:
        self._epoll.close()

    def _turn(self) -> None:
        for descriptor, events in self._epoll.poll(self._patience()):
            callback = self._watched.get(descriptor)
            if callback is not None:  # else: an earlier callback of this turn let go of it
                callback(events)
        self._collect_due_timers()
        ready, self._ready = self._ready, []
        for wake in ready:
            wake()

    def _patience(self) -> float:
        """Seconds that epoll may sleep; -1 for ever."""
        if self._ready:
            return 0
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return -1
        return max(0.0, self._timers[0].due - time.monotonic())

    def _collect_due_timers(self) -> None:
        if not self._timers:
            return
        now = time.monotonic()
        while self._timers and self._timers[0].due <= now:
            callback = heapq.heappop(self._timers).callback
            if callback is not None:
                self._ready.append(callback)
