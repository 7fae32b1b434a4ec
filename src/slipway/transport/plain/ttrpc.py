"""ttrpc on the plain loop: `TtrpcServer` answers many clients, `TtrpcClient` calls one server."""

from __future__ import annotations

import os

from slipway.base.errors import EngineError, Unavailable
from slipway.base.exhaustion import is_exhausted, sentence
from slipway.transport.plain.loop import READABLE, Future, Loop
from slipway.transport.plain.stream import Connection, accept_from, connect_unix
from slipway.wire import ttrpc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[ttrpc.Call], Awaitable[bytes]]
    # descriptor, last stream, calls to answer: what each Call is made of
    Connected = tuple[int, int, list[tuple[int, str, str, bytes, float, dict[str, str]]]]

_UNKNOWN, _INTERNAL = 2, 13  # google.rpc.Code


class TtrpcServer:
    """Answers the calls that come to a listening socket, each in a coroutine of its own.

    `handler(call)` returns the encoded response or raises EngineError; `code_from_error` says how errors are answered.
    """

    __slots__ = ("_loop", "_served", "code_from_error", "handler", "listener")

    def __init__(self, loop: Loop, handler: Handler, code_from_error: Callable[[EngineError], int]) -> None:
        self._loop = loop
        self._served: set[_Served] = set()
        self.code_from_error = code_from_error
        self.handler = handler
        self.listener = -1

    def open(self, listener: int) -> None:
        """Answer whoever connects to the socket `listener`."""
        self.listener = listener
        self._loop.watch(listener, READABLE, self._accept)

    def close(self) -> None:
        """Stop listening. Connections go on until their clients leave, or `hang_up`."""
        self._loop.unwatch(self.listener)
        os.close(self.listener)

    def hang_up(self) -> None:
        """Close all connections; calls that are not answered are lost."""
        for served in list(self._served):
            served.close()

    def give(self) -> list[Connected] | None:
        """All connections, for `take` in another process; None when one is within a frame, of a call or an answer.

        What happens to the connections here from now on is lost.
        """
        given = [one for served in self._served if (one := served.give()) is not None]
        return given if len(given) == len(self._served) else None

    def take(self, connected: Connected) -> None:
        """Go on with a connection, and answer its calls."""
        descriptor, last_stream, calls = connected
        served = _Served(self._loop, self, self._served, descriptor, ttrpc.ServerConnection(last_stream))
        served.take([ttrpc.Call(*call) for call in calls])

    def _accept(self, _events: int) -> None:
        descriptor = accept_from(self.listener)
        if descriptor >= 0:
            protocol = ttrpc.ServerConnection()
            _Served(self._loop, self, self._served, descriptor, protocol)


class _Served:
    """One connection of the server."""

    __slots__ = ("_all", "_calls", "_connection", "_loop", "_protocol", "_server")

    def __init__(
        self, loop: Loop, server: TtrpcServer, all: set[_Served], descriptor: int, protocol: ttrpc.ServerConnection
    ) -> None:
        """Is one of `all` until the connection ends."""
        self._loop = loop
        self._server = server
        self._all = all
        self._protocol = protocol
        self._calls: set[ttrpc.Call] = set()  # not yet answered
        self._connection = Connection(loop, descriptor, self._received, self._closed)
        all.add(self)

    def give(self) -> Connected | None:
        if not (self._protocol.is_between_frames and self._connection.has_sent_all):
            return None
        calls = [
            (call.stream, call.service, call.method, call.payload, call.timeout, call.metadata) for call in self._calls
        ]
        return self._connection.descriptor, self._protocol.last_stream, calls

    def close(self) -> None:
        self._connection.close()

    def _closed(self) -> None:
        self._all.discard(self)

    def _received(self, data: bytes) -> None:
        try:
            calls, refusals = self._protocol.receive(data)
        except ttrpc.ProtocolError:
            self._connection.close()
            return
        if refusals:
            self._connection.send(refusals)
        self.take(calls)

    def take(self, calls: list[ttrpc.Call]) -> None:
        for call in calls:
            self._calls.add(call)
            self._loop.spawn(self._answer(call))

    async def _answer(self, call: ttrpc.Call) -> None:
        try:
            frame = ttrpc.encode_reply(call.stream, await self._server.handler(call))
        except EngineError as error:
            frame = ttrpc.encode_failure(call.stream, self._server.code_from_error(error), str(error))
        except Exception as error:  # noqa: BLE001 - the edge: a bug becomes an answer, not a hanging caller
            self._loop.on_error(error)
            if isinstance(error, OSError) and is_exhausted(error):
                frame = ttrpc.encode_failure(call.stream, _UNKNOWN, f"{call.method.lower()}: {sentence(error)}")
            else:
                frame = ttrpc.encode_failure(call.stream, _INTERNAL, f"internal error: {error!r}")
        self._calls.discard(call)
        self._connection.send(frame)


class TtrpcClient:
    """One connection to a server, made by the constructor. Calls may overlap."""

    __slots__ = ("_connection", "_loop", "_protocol", "_waiting", "closed")

    def __init__(self, loop: Loop, path: str) -> None:
        """Raises Unavailable when nobody listens at `path`."""
        try:
            descriptor = connect_unix(path)
        except OSError as error:
            raise Unavailable(f"connect to {path}: {error.strerror or error}") from error
        self._loop = loop
        self._protocol = ttrpc.ClientConnection()
        self._waiting: dict[int, Future] = {}
        self.closed = False
        self._connection = Connection(loop, descriptor, self._received, self._lost)

    async def call(self, service: str, method: str, payload: bytes, *, timeout: float) -> ttrpc.Reply:
        """The server's reply, good or bad. Raises Unavailable for a lost connection or after `timeout` seconds."""
        if self.closed:
            raise Unavailable(f"call {method}: the connection is closed")
        stream, frame = self._protocol.call(service, method, payload, timeout=timeout)
        reply = self._waiting[stream] = self._loop.future()
        self._connection.send(frame)
        if not await self._loop.done_within(reply, timeout):
            del self._waiting[stream]
            raise Unavailable(f"call {method}: no answer within {timeout:g} s")
        answer: ttrpc.Reply = await reply
        return answer

    def close(self) -> None:
        self._connection.close()

    def _received(self, data: bytes) -> None:
        try:
            replies = self._protocol.receive(data)
        except ttrpc.ProtocolError:
            self._connection.close()
            return
        for reply in replies:
            waiting = self._waiting.pop(reply.stream, None)
            if waiting is not None:
                waiting.resolve(reply)

    def _lost(self) -> None:
        self.closed = True
        waiting, self._waiting = self._waiting, {}
        for reply in waiting.values():
            reply.fail(Unavailable("the ttrpc connection was lost"))
