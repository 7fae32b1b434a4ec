"""Events on the wire: a subscriber that does not read, filters, and what unpack and collection tell."""

import asyncio
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any

from slipway.base.errors import EngineError, InvalidArgument, Unavailable
from slipway.clients.containerd.calls import Connection, service_methods
from slipway.containerd.events.exchange import BACKLOG_BYTES
from slipway.contracts.containerd_api.generated import event_types_pb2, events_pb2
from tests.integration.containerd.daemon import OurContainerd

EVENTS = service_methods(events_pb2.DESCRIPTOR, "Events")
# Both ends' buffers: the stream's window, the sockets', and what the daemon keeps for who reads slowly.
MOST_KIB = (BACKLOG_BYTES >> 10) + 16 * 1024


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


async def publish(connection: Connection, topic: str, size: int) -> None:
    event = event_types_pb2.TaskCreate(container_id="c", bundle="x" * size)
    packed = Any(type_url="containerd.events.TaskCreate", value=event.SerializeToString())
    await connection.call(EVENTS["publish"], events_pb2.PublishRequest(topic=topic, event=packed), timeout=30)


def test_who_stops_reading_hears_of_it_and_costs_no_memory(fresh: OurContainerd) -> None:
    """60 MiB of events that nobody takes: an error where the events stop, and a daemon that has not grown by them."""

    heard = 0

    async def flood(stuck: Connection, working: Connection) -> None:
        """Raises what the subscriber hears in the end."""
        nonlocal heard
        await publish(working, "/warm/up", 60_000)
        before = most = resident_kib(fresh.pid)
        async with asyncio.timeout(60), stuck.open(EVENTS["subscribe"]) as stream:
            await stream.send(events_pb2.SubscribeRequest(filters=['topic~="^/flood"']), last=True)
            await stuck.call(EVENTS["publish"], _nothing(), timeout=30)  # the subscription has begun before
            for number in range(1000):
                await publish(working, "/flood/one", 60_000)
                if number % 100 == 0:
                    most = max(most, resident_kib(fresh.pid))
            grown.append(most - before)
            async for _ in stream:
                heard += 1

    async def run() -> None:
        stuck, working = Connection(fresh.address, "ns"), Connection(fresh.address, "ns")
        try:
            await flood(stuck, working)
        finally:
            stuck.close()
            working.close()

    grown: list[int] = []
    with pytest.raises(Unavailable, match="MiB of them were waiting, and are lost"):
        asyncio.run(run())
    assert 0 < heard < 1000
    assert grown[0] < MOST_KIB


def _nothing() -> events_pb2.PublishRequest:
    return events_pb2.PublishRequest(topic="/nothing/much", event=Any(type_url="x"))


@pytest.mark.parametrize(
    ("topic", "namespace", "words"),
    [("tasks/exit", "ns", "must start with '/'"), ("/a b", "ns", "topic part"), ("/ok", "n/s", "namespace")],
)
def test_what_cannot_be_an_event_is_refused(shared: OurContainerd, topic: str, namespace: str, words: str) -> None:
    async def run() -> None:
        connection = Connection(shared.address, namespace)
        try:
            await publish(connection, topic, 1)
        finally:
            connection.close()

    with pytest.raises(InvalidArgument, match=words):
        asyncio.run(run())


def test_a_filter_that_is_none_is_refused(shared: OurContainerd) -> None:
    async def run() -> None:
        connection = Connection(shared.address, "ns")
        try:
            async with connection.open(EVENTS["subscribe"]) as stream:
                await stream.send(events_pb2.SubscribeRequest(filters=["topic=="]), last=True)
                async with asyncio.timeout(10):
                    await stream.receive()
        finally:
            connection.close()

    with pytest.raises(EngineError, match="parse filter"):
        asyncio.run(run())
