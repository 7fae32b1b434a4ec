"""Serves published TCP ports on IPv6 addresses ([::1] among them): containers have IPv4 only, so bytes are passed on.

IPv4 never comes here: the kernel translates it. While dockerd is not running, only these connections are not served.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from slipway.dockerd.networks.model import PublishedPort
from slipway.dockerd.networks.ports import HeldPort

SECONDS_TO_CONNECT = 10.0


class Relay:
    """One listening server for each published IPv6 TCP port."""

    def __init__(self) -> None:
        self._servers: dict[PublishedPort, asyncio.Server] = {}
        self._connecting: set[asyncio.Task[None]] = set()  # the loop alone would forget them

    async def serve(self, ports: Sequence[HeldPort], address: str) -> None:
        """Accept on the sockets that hold the ports, for the container at `address`."""
        for held in ports:
            if held.socket and held.port.protocol == "tcp" and ":" in held.port.host_address:
                self._servers[held.port] = await self._server(held.socket, address, held.port.container_port)

    def stop(self, ports: Iterable[PublishedPort]) -> None:
        """Accept no more. A connection lasts until its ends have closed it."""
        for port in ports:
            if server := self._servers.pop(port, None):
                server.close()

    def stop_all(self) -> None:
        self.stop(list(self._servers))

    async def _server(self, listening: socket.socket, address: str, port: int) -> asyncio.Server:
        def accepted(caller: _End) -> None:
            task = asyncio.create_task(_connect(caller, address, port))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

        return await asyncio.get_running_loop().create_server(lambda: _End(accepted), sock=listening.dup())


async def _connect(caller: _End, address: str, port: int) -> None:
    """Reach the container for a caller. A refused connection resets the caller's."""
    try:
        async with asyncio.timeout(SECONDS_TO_CONNECT):
            await asyncio.get_running_loop().create_connection(lambda: _End(caller.meet), address, port)
    except (OSError, TimeoutError):
        caller.abort()


class _End(asyncio.Protocol):
    """One of the two connections: what it receives, the other sends. Both close when both have received their end.

    A transport that is closing is left alone: uvloop's raises then, where asyncio's does nothing.
    """

    def __init__(self, connected: Callable[[_End], None]) -> None:
        """`connected` is called with it as soon as it can send and receive."""
        self._connected = connected
        self._transport: asyncio.Transport | None = None
        self._other: _End | None = None  # a caller's, until the container is reached
        self._early = b""  # what came until then
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not derived from it
        self._connected(self)

    def data_received(self, data: bytes) -> None:
        if self._other:
            self._other._send(data)
        else:
            self._early += data
            self._pause()

    def eof_received(self) -> bool:
        self._has_ended = True
        if self._other:
            self._pass_end_on(self._other)
        return True  # what goes the other way may go on

    def pause_writing(self) -> None:
        if self._other:
            self._other._pause()

    def resume_writing(self) -> None:
        if self._other:
            self._other._resume()

    def connection_lost(self, error: Exception | None) -> None:
        if self._other:
            self._other._close()

    def abort(self) -> None:
        if transport := self._usable():
            transport.abort()

    def meet(self, container: _End) -> None:
        """The container is reached: what came before goes to it."""
        self._other, container._other = container, self
        if not self._usable():
            container.abort()
            return
        self._resume()
        container._send(self._early)
        self._early = b""
        if self._has_ended:
            self._pass_end_on(container)

    def _usable(self) -> asyncio.Transport | None:
        return None if self._transport is None or self._transport.is_closing() else self._transport

    def _pass_end_on(self, other: _End) -> None:
        if other._has_ended:
            self._close()
            other._close()
        elif transport := other._usable():
            transport.write_eof()

    def _send(self, data: bytes) -> None:
        if transport := self._usable():
            transport.write(data)

    def _pause(self) -> None:
        if transport := self._usable():
            transport.pause_reading()

    def _resume(self) -> None:
        if transport := self._usable():
            transport.resume_reading()

    def _close(self) -> None:
        """After what is on its way out."""
        if transport := self._usable():
            transport.close()
