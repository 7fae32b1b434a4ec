"""Serves published TCP ports on IPv6 addresses ([::1] among them): containers have IPv4 only, so bytes are passed on.

IPv4 never comes here: the kernel translates it. While dockerd is not running, only these connections are not served.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from slipway.dockerd.networks.model import PublishedPort
from slipway.dockerd.networks.ports import HeldPort

CHUNK = 64 * 1024
SECONDS_TO_CONNECT = 10.0


class Relay:
    """One listening server for each published IPv6 TCP port."""

    def __init__(self) -> None:
        self._servers: dict[PublishedPort, asyncio.Server] = {}

    async def serve(self, ports: Sequence[HeldPort], address: str) -> None:
        """Accept on the sockets that hold the ports, for the container at `address`."""
        for held in ports:
            if held.socket and held.port.protocol == "tcp" and ":" in held.port.host_address:
                self._servers[held.port] = await _server(held, address)

    def stop(self, ports: Iterable[PublishedPort]) -> None:
        for port in ports:
            if server := self._servers.pop(port, None):
                server.close()

    def stop_all(self) -> None:
        self.stop(list(self._servers))


async def _server(held: HeldPort, address: str) -> asyncio.Server:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _pass_on(reader, writer, address, held.port.container_port)

    assert held.socket
    return await asyncio.start_server(accept, sock=held.socket.dup(), limit=CHUNK)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, port: int) -> None:
    """Both ways until both have ended; a refused connection closes the caller's."""
    try:
        async with asyncio.timeout(SECONDS_TO_CONNECT):
            inner_reader, inner_writer = await asyncio.open_connection(address, port, limit=CHUNK)
    except (OSError, TimeoutError):
        writer.transport.abort()
        return
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(reader, inner_writer))
            both.create_task(_copy(inner_reader, writer))
    finally:
        for each in (writer, inner_writer):
            each.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await source.read(CHUNK):
            target.write(chunk)
            await target.drain()
    with suppress(OSError):
        if target.can_write_eof():
            target.write_eof()
