"""The exchange: every event goes in once and out to each subscriber whose filters match."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from google.protobuf.message import Message

from slipway.base.clock import Clock
from slipway.base.errors import InvalidArgument, Unavailable
from slipway.base.identifiers import check_identifier
from slipway.containerd.events.fields import event_field
from slipway.contracts.containerd_api.filters import Filters, filters_from_texts
from slipway.contracts.containerd_api.generated.types_pb2 import Envelope

# A subscriber that reads nothing for this many events is dropped: its memory is ours.
BACKLOG_LIMIT: Final = 65_536
_DROPPED: Final = None


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

    async def subscribe(self, filters: Sequence[str]) -> AsyncIterator[Envelope]:
        """Events from now on, in the order of their arrival. Raises InvalidArgument for a filter, and Unavailable
        when the
        subscriber fell too far behind."""
        subscriber = _Subscriber(filters_from_texts(filters))
        self._subscribers.add(subscriber)
        try:
            while (envelope := await subscriber.queue.get()) is not _DROPPED:
                yield envelope
            raise Unavailable(f"read events: more than {BACKLOG_LIMIT} of them were waiting")
        finally:
            self._subscribers.discard(subscriber)

    def _deliver(self, envelope: Envelope) -> None:
        for subscriber in list(self._subscribers):
            if not subscriber.filters.matches(lambda path: event_field(envelope, path)):
                continue
            if subscriber.queue.qsize() < BACKLOG_LIMIT:
                subscriber.queue.put_nowait(envelope)
            else:
                self._subscribers.discard(subscriber)
                subscriber.queue.put_nowait(_DROPPED)


class _Subscriber:
    def __init__(self, filters: Filters) -> None:
        self.filters = filters
        self.queue: asyncio.Queue[Any] = asyncio.Queue()


def check_topic(topic: str) -> None:
    """A topic is a path of identifiers: /tasks/exit. Raises InvalidArgument."""
    if not topic.startswith("/") or topic == "/":
        raise InvalidArgument(f"topic {topic!r} must start with '/' and name something")
    for part in topic[1:].split("/"):
        check_identifier(part, "topic part")
