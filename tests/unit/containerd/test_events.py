"""The exchange: filters and order, and what becomes of a subscriber that does not read."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from google.protobuf.message import Message

from slipway.base.clock import Clock
from slipway.base.errors import InvalidArgument, Unavailable
from slipway.containerd.events.exchange import BACKLOG_BYTES, Exchange
from slipway.contracts.containerd_api.generated import event_types_pb2 as events
from slipway.contracts.containerd_api.generated import images_pb2
from slipway.contracts.containerd_api.generated.types_pb2 import Envelope

CREATED = events.TaskCreate(
    container_id="c", bundle="/b", io=events.TaskIO(stdout="/out", terminal=True), pid=7, checkpoint=""
)
UPDATED = events.ContainerUpdate(id="c", labels={"a.b": "1", "empty": ""})


async def begun(exchange: Exchange, filters: Sequence[str]) -> tuple[AsyncIterator[bytes], "asyncio.Task[bytes]"]:
    """A subscription that has begun, and its first event to come."""
    subscription = exchange.subscribe(filters)
    first = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    return subscription, first


@pytest.mark.parametrize(
    ("event", "filter", "matches"),
    [
        (CREATED, "event.container_id==c", True),
        (CREATED, "event.container_id==d", False),
        (CREATED, 'event.io.stdout=="/out"', True),
        (CREATED, "event.io.terminal==true", True),
        (CREATED, "event.io.stdin", False),
        (CREATED, "event.checkpoint", False),
        (CREATED, "event.pid", False),
        (CREATED, "event.pid!=7", True),
        (CREATED, 'topic=="/t/one",namespace==ns', True),
        (CREATED, "topic~=/^\\/t/", True),
        (CREATED, "event", False),
        (UPDATED, "event.labels.a.b==1", True),
        (UPDATED, 'event.labels."a.b"==1', True),
        (UPDATED, "event.labels.empty", True),
        (UPDATED, "event.labels.none", False),
        (UPDATED, "event.image", False),
        (events.SandboxExit(sandbox_id="s"), "event.sandbox_id==s", True),
        (events.SnapshotRemove(key="k", snapshotter="native"), "event.snapshotter==native", True),
        (images_pb2.ImageCreate(name="i", labels={"x": "y"}), "event.name==i,event.labels.x==y", True),
    ],
)
def test_filters_know_the_originals_fields(event: Message, filter: str, matches: bool) -> None:
    async def ask() -> list[str]:
        exchange = Exchange(Clock())
        subscription, first = await begun(exchange, [filter, 'topic=="/end"'])
        exchange.publish("ns", "/t/one", event)
        exchange.publish("ns", "/end", events.TaskPaused())
        topic = Envelope.FromString(await first).topic
        await subscription.aclose()  # type: ignore[attr-defined]
        return [topic]

    assert asyncio.run(ask()) == ["/t/one" if matches else "/end"]


def test_a_subscriber_that_does_not_read_hears_of_it_and_holds_no_memory() -> None:
    async def ask() -> tuple[str, int]:
        exchange = Exchange(Clock())
        subscription, first = await begun(exchange, [])
        event = events.TaskExit(container_id="c" * 64, id="c" * 64, pid=1)
        exchange.publish("ns", "/tasks/exit", event)
        size = len(await first)
        for _ in range(BACKLOG_BYTES // size):
            exchange.publish("ns", "/tasks/exit", event)
        with pytest.raises(Unavailable, match="16 MiB of them were waiting") as refused:
            await anext(subscription)
        return str(refused.value), len(exchange._subscribers)

    assert asyncio.run(ask())[1] == 0


def test_the_others_hear_on_in_order() -> None:
    async def ask() -> list[int]:
        exchange = Exchange(Clock())
        _, _ = await begun(exchange, [])
        reader, first = await begun(exchange, [])
        large = events.TaskCreate(bundle="x" * 100_000)
        heard = []
        for number in range(1, 300):
            large.pid = number
            exchange.publish("ns", "/tasks/create", large)
            envelope = Envelope.FromString(await (first if number == 1 else anext(reader)))
            heard.append(events.TaskCreate.FromString(envelope.event.value).pid)
        await reader.aclose()  # type: ignore[attr-defined]
        return heard

    assert asyncio.run(ask()) == [*range(1, 300)]


@pytest.mark.parametrize(
    ("envelope", "words"),
    [
        (Envelope(), "namespace"),
        (Envelope(namespace="a/b", topic="/t"), "namespace"),
        (Envelope(namespace="ns", topic="t"), "must start with '/'"),
        (Envelope(namespace="ns", topic="/"), "must start with '/'"),
        (Envelope(namespace="ns", topic="/a//b"), "topic part"),
        (Envelope(namespace="ns", topic="/a/../b"), "topic part"),
        (Envelope(namespace="ns", topic="/t"), "timestamp"),
    ],
)
def test_what_cannot_be_an_event_is_refused(envelope: Envelope, words: str) -> None:
    async def forward() -> None:
        Exchange(Clock()).forward(envelope)

    with pytest.raises(InvalidArgument, match=words):
        asyncio.run(forward())
