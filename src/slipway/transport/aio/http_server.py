"""Listens, and gives each client an HttpConnection. Knows sockets; knows nothing of what is asked."""

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress

from slipway.base.errors import AlreadyExists, InvalidArgument, PermissionDenied, Unavailable
from slipway.base.identifiers import integer_from_text
from slipway.transport.aio.http_connection import Handler, HttpConnection, RefuseMalformed


class HttpServer:
    """Serves `handler` on any number of listening sockets."""

    def __init__(self, handler: Handler, refuse: RefuseMalformed) -> None:
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

    def _new_connection(self) -> HttpConnection:
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


def listening_socket(host: str, *, group_id: int) -> socket.socket:
    """A bound socket for `unix:///path` or `tcp://address:port`.

    A unix socket gets mode 0660 and the group; a stale one is replaced, one that somebody serves raises AlreadyExists.
    """
    scheme, separator, address = host.partition("://")
    if separator and scheme == "unix" and address.startswith("/"):
        return _unix_socket(address, group_id)
    if separator and scheme == "tcp":
        return _tcp_socket(address)
    raise InvalidArgument(f"invalid host address {host!r}", hint="use unix:///path or tcp://address:port")


def _unix_socket(path: str, group_id: int) -> socket.socket:
    if len(os.fsencode(path)) > 107:  # sockaddr_un.sun_path, unix(7)
        raise InvalidArgument(f"socket path {path} is longer than 107 bytes")
    _remove_stale_socket(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    old_mask = os.umask(0o117)
    try:
        listening.bind(path)
        os.chown(path, 0, group_id)
    except PermissionError as error:
        listening.close()
        raise PermissionDenied(f"listen on {path}: {error.strerror}", hint="start it as root, or use -H") from error
    except OSError as error:
        listening.close()
        raise Unavailable(f"listen on {path}: {error.strerror}") from error
    finally:
        os.umask(old_mask)
    listening.listen(4096)
    return listening


def _remove_stale_socket(path: str) -> None:
    """Raises AlreadyExists if somebody answers on `path`, or if it is no socket."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise AlreadyExists(f"listen on {path}: a file that is not a socket is in the way")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            with suppress(FileNotFoundError):
                os.unlink(path)
            return
        except BlockingIOError:
            pass  # its queue is full: somebody is there
    raise AlreadyExists(f"listen on {path}: another daemon serves this socket", hint="stop it, or use -H for another")


def _tcp_socket(address: str) -> socket.socket:
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
