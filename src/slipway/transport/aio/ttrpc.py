"""ttrpc on asyncio: `TtrpcClient` calls one server, `serve_ttrpc` answers many clients on a unix socket.

The protocol itself is wire/ttrpc.py; here are the sockets, and who is waiting for which reply.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable

from slipway.base.errors import Cancelled, EngineError, PermissionDenied, Unavailable
from slipway.wire import ttrpc

_CHUNK = 64 * 1024
_PEER_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid (unix(7))

Handler = Callable[[ttrpc.Call], Awaitable[bytes]]
"""Answers one call with the encoded response, or raises EngineError."""

CodeFromError = Callable[[EngineError], int]


class TtrpcClient:
    """One connection. Calls may overlap; replies find their callers by stream number."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._connection = ttrpc.ClientConnection()
        self._waiting: dict[int, asyncio.Future[ttrpc.Reply]] = {}
        self._closed = False
        self._receiver = asyncio.ensure_future(self._receive())

    @classmethod
    async def connect(cls, path: str) -> TtrpcClient:
        """Raises Unavailable when nothing listens at the unix socket `path`."""
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except OSError as error:
            raise Unavailable(f"connect to {path}: {error.strerror or error}") from error
        return cls(reader, writer)

    async def call(self, service: str, method: str, payload: bytes, *, timeout: float | None = None) -> ttrpc.Reply:
        """The server's reply, good or bad. Raises Unavailable for a lost connection, Cancelled after `timeout`."""
        if self._closed:
            raise Unavailable(f"call {method}: ttrpc connection is closed")
        stream, frame = self._connection.call(service, method, payload, timeout=timeout or 0)
        reply: asyncio.Future[ttrpc.Reply] = asyncio.get_running_loop().create_future()
        self._waiting[stream] = reply
        try:
            self._writer.write(frame)
            async with asyncio.timeout(timeout):
                return await reply
        except TimeoutError:
            raise Cancelled(f"call {method}: no answer within {timeout:g} s") from None
        finally:
            self._waiting.pop(stream, None)

    async def wait_closed(self) -> None:
        await asyncio.wait([self._receiver])

    async def close(self) -> None:
        self._receiver.cancel()
        await asyncio.wait([self._receiver])

    async def _receive(self) -> None:
        cause = "the server closed the ttrpc connection"
        try:
            while data := await self._reader.read(_CHUNK):
                for reply in self._connection.receive(data):
                    waiting = self._waiting.get(reply.stream)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(reply)
        except (OSError, ttrpc.ProtocolError) as error:
            cause = f"the ttrpc connection broke: {error}"
        finally:
            self._closed = True
            self._writer.close()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(Unavailable(cause))


async def _read(reader: asyncio.StreamReader) -> bytes:
    """The next bytes; b"" at the end, however it came."""
    try:
        return await reader.read(_CHUNK)
    except OSError:
        return b""


class TtrpcServer:
    """What `serve_ttrpc` returns: `close` stops listening, ends the connections and removes the socket."""

    def __init__(self, path: str, handler: Handler, code_from_error: CodeFromError, refusal_code: int) -> None:
        self._path = path
        self._handler = handler
        self._code_from_error = code_from_error
        self._internal_code = refusal_code
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket | None) -> None:
        if listener is None:
            self._server = await asyncio.start_unix_server(self._accept, self._path)
            os.chmod(self._path, 0o600)
        else:
            self._server = await asyncio.start_unix_server(self._accept, sock=listener)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        if os.path.exists(self._path):
            os.unlink(self._path)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            check_peer(writer.get_extra_info("socket"))
            await self._serve(reader, writer)
        except (OSError, PermissionDenied, asyncio.CancelledError):
            pass  # the peer went away or is not allowed, or we stop: nobody is left to tell
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ttrpc.ServerConnection()
        async with asyncio.TaskGroup() as answers:
            while data := await _read(reader):
                try:
                    calls, refusals = connection.receive(data)
                except ttrpc.ProtocolError:
                    break  # hang up on what is no ttrpc client
                writer.write(refusals)
                for call in calls:
                    answers.create_task(self._answer(call, writer))

    async def _answer(self, call: ttrpc.Call, writer: asyncio.StreamWriter) -> None:
        try:
            frame = ttrpc.encode_reply(call.stream, await self._handler(call))
        except EngineError as error:
            frame = ttrpc.encode_failure(call.stream, self._code_from_error(error), str(error))
        except Exception as error:  # noqa: BLE001 - the edge: a bug becomes an answer, not a hanging caller
            frame = ttrpc.encode_failure(call.stream, self._internal_code, f"internal error: {error!r}")
        if not writer.is_closing():
            writer.write(frame)


async def serve_ttrpc(
    path: str, handler: Handler, code_from_error: CodeFromError, *, listener: socket.socket | None = None
) -> TtrpcServer:
    """Answer calls on the unix socket `path` (mode 0600) until `close`. `listener` is used instead where given.

    Calls of one connection run concurrently. Peers must have our own user id, or root's. Raises OSError when the
    path cannot be bound.
    """
    server = TtrpcServer(path, handler, code_from_error, refusal_code=13)
    await server.start(listener)
    return server


def check_peer(connection: socket.socket) -> None:
    """Raise PermissionDenied unless the peer of a unix socket runs as root or as we do."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    pid, uid, _gid = _PEER_CREDENTIALS.unpack(credentials)
    if uid not in (0, os.geteuid()):
        raise PermissionDenied(f"serve process {pid}: user {uid} may not use this socket")
