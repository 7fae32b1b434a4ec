"""The exchange: every event goes in once and out to each subscriber whose filters match."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final

from google.protobuf.message import Message

from slipway.base.clock import Clock
from slipway.base.errors import InvalidArgument, Unavailable
from slipway.base.identifiers import check_identifier
from slipway.containerd.events.fields import event_field
from slipway.contracts.containerd_api.filters import Filters, filters_from_texts
from slipway.contracts.containerd_api.generated.types_pb2 import Envelope

# A subscriber that leaves this much unread is dropped: its memory is ours. It is some 50,000 events of tasks.
BACKLOG_BYTES: Final = 16 << 20
_COST: Final = 100  # bytes that a waiting event takes beside its own: an object's header and its place in a queue


class Exchange:
    """See interface.EventPublisher. Made on the event loop that its subscribers run on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._subscribers: set[_Subscriber] = set()

    def publish(self, namespace: str, topic: str, event: Message) -> None:
        envelope = Envelope(namespace=namespace, topic=topic)
        envelope.timestamp.FromNanoseconds(self._clock.now())
        envelope.event.type_url = event.DESCRIPTOR.full_name
        envelope.event.value = event.SerializeToString()
        if threading.get_ident() == self._loop_thread:
            self._deliver(envelope)
        else:
            self._loop.call_soon_threadsafe(self._deliver, envelope)

    def forward(self, envelope: Envelope) -> None:
        """Deliver an event that was made elsewhere. Raises InvalidArgument for what cannot be one."""
        check_identifier(envelope.namespace, "namespace")
        check_topic(envelope.topic)
        if not envelope.HasField("timestamp"):
            raise InvalidArgument("forward event: the timestamp is missing")
        self._deliver(envelope)

    async def subscribe(self, filters: Sequence[str]) -> AsyncIterator[bytes]:
        """Encoded envelopes from now on, in the order of their arrival. Raises InvalidArgument for a filter.

        Raises Unavailable when the subscriber fell too far behind: at once, for what waited for it is gone, too.
        """
        subscriber = _Subscriber(filters_from_texts(filters))
        self._subscribers.add(subscriber)
        try:
            while (envelope := await subscriber.take()) is not None:
                yield envelope
            raise Unavailable(f"read events: more than {BACKLOG_BYTES >> 20} MiB of them were waiting, and are lost")
        finally:
            self._subscribers.discard(subscriber)

    def _deliver(self, envelope: Envelope) -> None:
        encoded = b""
        for subscriber in list(self._subscribers):
            if not subscriber.filters.matches(lambda path: event_field(envelope, path)):
                continue
            encoded = encoded or envelope.SerializeToString()
            if not subscriber.give(encoded):
                self._subscribers.discard(subscriber)


class _Subscriber:
    """One queue. The same bytes wait in all of them."""

    def __init__(self, filters: Filters) -> None:
        self.filters = filters
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._is_dropped = False
        self._changed = asyncio.Event()

    def give(self, envelope: bytes) -> bool:
        """False when it was one too many: then nothing waits any more, and nothing else will."""
        self._waiting.append(envelope)
        self._size += len(envelope) + _COST
        if self._size > BACKLOG_BYTES:
            self._is_dropped = True
            self._waiting.clear()
        self._changed.set()
        return not self._is_dropped

    async def take(self) -> bytes | None:
        """The next; None when it was dropped."""
        while not self._waiting:
            if self._is_dropped:
                return None
            self._changed.clear()
            await self._changed.wait()
        envelope = self._waiting.popleft()
        self._size -= len(envelope) + _COST
        return envelope


def check_topic(topic: str) -> None:
    """A topic is a path of identifiers: /tasks/exit. Raises InvalidArgument."""
    if not topic.startswith("/") or topic == "/":
        raise InvalidArgument(f"topic {topic!r} must start with '/' and name something")
    for part in topic[1:].split("/"):
        check_identifier(part, "topic part")
