"""Tells containerd what happens, in order: over ttrpc, kept and tried again for as long as containerd is away."""

from __future__ import annotations

import time

from slipway.base.errors import EngineError
from slipway.contracts.shim_api import events
from slipway.transport.plain.loop import Future, Loop
from slipway.transport.plain.ttrpc import TtrpcClient
from slipway.wire.protobuf import Message, encode
from slipway.wire.protobuf_known import AnyMessage, timestamp_from_nanoseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 2048
"""Events kept while containerd is away; beyond it the oldest go. One container makes about six."""

_TIMEOUT = 5.0  # seconds that containerd may take for one event
_FIRST_PAUSE, _LAST_PAUSE = 0.05, 2.0  # seconds between attempts


class Publisher:
    """Sends events one by one. An event is lost only beyond LIMIT, or with this process."""

    def __init__(self, loop: Loop, log: Callable[[str], None]) -> None:
        self._loop = loop
        self.address = ""
        """Where containerd serves Events.Forward; "" drops all events."""
        self.namespace = ""
        self._log = log
        self._queue: list[bytes] = []
        self._client: TtrpcClient | None = None
        self._sending = False
        self._idle: Future | None = None

    def publish(self, event: Message) -> None:
        """Queue an event; it carries the present time."""
        if not self.address:
            return
        self._queue.append(encode(events.ForwardRequest(envelope=self._envelope(event))))
        if len(self._queue) > LIMIT:
            del self._queue[0]
            self._log("drop the oldest event: containerd has been away for too long")
        if not self._sending:
            self._sending = True
            self._loop.spawn(self._send_all())

    @property
    def is_idle(self) -> bool:
        """Whether containerd has taken all."""
        return not self._sending

    async def flush(self, seconds: float) -> bool:
        """Wait until all is sent, at most `seconds`; whether it is."""
        if not self._sending:
            return True
        self._idle = self._idle or self._loop.future()
        return await self._loop.done_within(self._idle, seconds)

    def disconnect(self) -> None:
        """Close the connection to containerd; the next event makes another."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _envelope(self, event: Message) -> events.Envelope:
        kind = type(event)
        return events.Envelope(
            timestamp=timestamp_from_nanoseconds(time.time_ns()),
            namespace=self.namespace,
            topic=events.TOPICS[kind],
            event=AnyMessage(type_url=events.event_type(kind), value=encode(event)),
        )

    async def _send_all(self) -> None:
        pause = _FIRST_PAUSE
        while self._queue:
            request = self._queue[0]
            try:
                await self._send(request)
            except EngineError:
                self.disconnect()
                await self._loop.sleep(pause)
                pause = min(pause * 2, _LAST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            if self._queue and self._queue[0] is request:  # else it was dropped meanwhile
                del self._queue[0]
        self._sending = False
        if self._idle is not None:
            self._idle.resolve()
            self._idle = None

    async def _send(self, request: bytes) -> None:
        """Raises EngineError when containerd is not there. What it refuses is logged and not sent again."""
        if self._client is None or self._client.closed:
            self._client = TtrpcClient(self._loop, self.address)
        reply = await self._client.call(events.SERVICE, events.FORWARD, request, timeout=_TIMEOUT)
        if reply.code:
            self._log(f"containerd refused an event: {reply.message}")
