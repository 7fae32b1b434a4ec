"""Listens, and gives each client an HttpConnection. Knows sockets; knows nothing of what is asked."""

import asyncio
import socket
import sys
from collections.abc import Callable

from slipway.base.errors import InvalidArgument, Unavailable
from slipway.base.identifiers import integer_from_text
from slipway.transport.aio.http_connection import Handler, HttpConnection, RefuseMalformed


class HttpServer:
    """Serves `handler` on any number of listening sockets."""

    def __init__(self, handler: Handler, refuse: RefuseMalformed, *, most: int = sys.maxsize) -> None:
        """`most`: connections at a time; one too many is closed."""
        self._most = most
        self._handler = handler
        self._refuse = refuse
        self._connections: set[HttpConnection] = set()
        self._servers: list[asyncio.Server] = []

    async def listen(self, listening: socket.socket) -> None:
        """Accept clients of a bound socket from now on."""
        loop = asyncio.get_running_loop()
        create: Callable[..., object] = (
            loop.create_unix_server if listening.family == socket.AF_UNIX else loop.create_server
        )
        server = await create(self._new_connection, sock=listening)  # type: ignore[misc]
        self._servers.append(server)

    def _new_connection(self) -> asyncio.Protocol:
        if len(self._connections) >= self._most:
            return _Refused()
        return HttpConnection(self._handler, self._refuse, self._connections)

    async def close(self, *, timeout: float) -> None:
        """Accept no more, give answers under way `timeout` seconds, then drop what is left."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.close_when_idle()
        waiting = [asyncio.ensure_future(connection.wait_closed()) for connection in self._connections]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout)
        for connection in list(self._connections):
            connection.abort()
        for task in waiting:
            task.cancel()


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def tcp_socket(host: str) -> socket.socket:
    """A socket that listens on `tcp://address:port`. Raises InvalidArgument, Unavailable."""
    scheme, separator, address = host.partition("://")
    if not separator or scheme != "tcp":
        raise InvalidArgument(f"invalid host address {host!r}", hint="use unix:///path or tcp://address:port")
    host, separator, port_text = address.rpartition(":")
    if not separator:
        raise InvalidArgument(f"tcp host {address!r} has no port")
    port = integer_from_text(port_text, "port", high=65535)
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]") or "0.0.0.0", port))
    except OSError as error:
        listening.close()
        raise Unavailable(f"listen on tcp://{address}: {error.strerror or error}") from error
    listening.listen(4096)
    return listening
