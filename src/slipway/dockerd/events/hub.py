"""Keeps the last events and hands new ones to listeners. Listeners that are too slow lose their oldest ones."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping

from slipway.dockerd.events.model import Event

KEPT = 256  # as the original
QUEUED = 4096


class EventHub:
    """Publish and listen on the event loop."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._past: deque[Event] = deque(maxlen=KEPT)
        self._listeners: set[_Listener] = set()

    def publish(self, kind: str, action: str, actor: str, attributes: Mapping[str, str]) -> None:
        """Tell of something that has just happened."""
        event = Event(kind=kind, action=action, actor=actor, time=self._now(), attributes=dict(attributes))
        self._past.append(event)
        for listener in self._listeners:
            listener.put(event)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    async def listen(self, *, since: int, until: int) -> AsyncIterator[Event]:
        """Past events from `since` on (0: none), then new ones, up to `until` (0: without end); in nanoseconds."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            for event in [event for event in self._past if since and event.time >= since]:
                if until and event.time > until:
                    return
                yield event
            while (left := self._seconds_until(until)) is None or left > 0:
                try:
                    event = await asyncio.wait_for(listener.get(), left)
                except TimeoutError:
                    return
                yield event
        finally:
            self._listeners.discard(listener)

    def _seconds_until(self, until: int) -> float | None:
        return (until - self._now()) / 1e9 if until else None


class _Listener:
    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=QUEUED)
        self._arrived = asyncio.Event()

    def put(self, event: Event) -> None:
        self._events.append(event)
        self._arrived.set()

    async def get(self) -> Event:
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()
