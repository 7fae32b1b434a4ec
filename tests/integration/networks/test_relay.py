"""Connections that dockerd passes on to a container, on the event loop that dockerd has."""

import asyncio
import contextlib
import gc
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop

from slipway.dockerd.networks.model import PublishedPort
from slipway.dockerd.networks.ports import HeldPort
from slipway.dockerd.networks.relay import Relay
from tests.support.waiting import SLOWNESS

LARGE = 8 << 20
Container = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Address = tuple[str, int]


class Passed:
    """A relay with one port, and what a daemon would see of it: connections to the container, errors of its loop."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.errors: list[dict[str, object]] = []
        self.open_connections = 0
        self.container: asyncio.Server | None = None

    async def settle(self) -> None:
        async with asyncio.timeout(20 * SLOWNESS):
            while self.open_connections:
                await asyncio.sleep(0.01)
        gc.collect()
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def relay_before(container: Container) -> AsyncIterator[Passed]:
    listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    passed = Passed(listening.getsockname()[:2])
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: passed.errors.append(context))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed.open_connections += 1
        with contextlib.suppress(OSError):
            await container(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()
        passed.open_connections -= 1

    passed.container = server = await asyncio.start_server(serve, "127.0.0.1", 0)
    inside = server.sockets[0].getsockname()[1]
    published = PublishedPort(container_port=inside, protocol="tcp", host_address="::1", host_port=passed.address[1])
    relay = Relay()
    with listening, contextlib.closing(server):
        await relay.serve([HeldPort(port=published, socket=listening)], "127.0.0.1")
        try:
            yield passed
        finally:
            relay.stop_all()


async def send_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A line in, much out; a caller that says nothing gets nothing."""
    if await reader.readline():
        writer.write(bytes(LARGE))
        await writer.drain()


async def count_until_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"%d\n" % len(await reader.read()))


def go_at_once(caller: socket.socket) -> None:
    pass


def ask_and_go(caller: socket.socket) -> None:
    caller.sendall(b"?\n")


def read_a_little_and_go(caller: socket.socket) -> None:
    caller.sendall(b"?\n")
    caller.recv(1000)


@pytest.mark.parametrize("resets", [False, True], ids=["close", "reset"])
@pytest.mark.parametrize("behave", [go_at_once, ask_and_go, read_a_little_and_go])
def test_callers_may_go_at_any_moment(behave: Callable[[socket.socket], None], resets: bool) -> None:
    """The container's connection ends, too, and dockerd has nothing to log."""

    def call(address: Address) -> None:
        with socket.create_connection(address) as caller:
            behave(caller)
            if resets:
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def main() -> None:
        async with relay_before(send_much) as passed:
            await asyncio.gather(*(asyncio.to_thread(call, passed.address) for _ in range(20)))
            await asyncio.to_thread(answer, passed.address)
            await passed.settle()
        assert passed.errors == []

    uvloop.run(main())


def answer(address: Address, sent: bytes = b"?\n") -> bytes:
    with socket.create_connection(address, 20 * SLOWNESS) as caller:
        caller.sendall(sent)
        caller.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: caller.recv(1 << 16), b""))


def listen(address: Address) -> bytes:
    with socket.create_connection(address, 20 * SLOWNESS) as caller:
        return caller.recv(1 << 16)


def test_all_of_both_ways_arrives_after_a_half_close() -> None:
    async def main() -> None:
        async with relay_before(send_much) as passed:
            assert len(await asyncio.to_thread(answer, passed.address)) == LARGE
        async with relay_before(count_until_end) as passed:
            assert await asyncio.to_thread(answer, passed.address, bytes(LARGE)) == b"%d\n" % LARGE
            await passed.settle()
        assert passed.errors == []

    uvloop.run(main())


def test_a_container_that_refuses_ends_the_callers_connection() -> None:
    async def main() -> None:
        async with relay_before(send_much) as passed:
            assert passed.container
            passed.container.close()
            assert await asyncio.to_thread(listen, passed.address) == b""
        assert passed.errors == []

    uvloop.run(main())


def test_what_a_caller_does_not_read_waits_in_the_container() -> None:
    """It does not pile up in dockerd."""
    sent = 0
    full = asyncio.Event()

    async def send_for_ever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with contextlib.suppress(TimeoutError):
            while True:
                writer.write(bytes(1 << 16))
                async with asyncio.timeout(0.5 * SLOWNESS):
                    await writer.drain()
                sent += 1 << 16
        writer.transport.abort()
        full.set()

    async def main() -> None:
        async with relay_before(send_for_ever) as passed:
            with socket.create_connection(passed.address):
                async with asyncio.timeout(20 * SLOWNESS):
                    await full.wait()
        assert 0 < sent < 64 << 20

    uvloop.run(main())
