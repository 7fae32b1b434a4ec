"""A gRPC server on a unix socket: plain coroutines and generators behind it.

A handler has one of four shapes, as its method says:

    async def get(self, call, request) -> reply
    async def list(self, call, request): yield reply; ...
    async def upload(self, call, requests) -> reply               (`requests` is an asynchronous iterator)
    async def write(self, call, requests): yield reply; ...
"""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, Protocol
from urllib.parse import quote

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError

from slipway.base.errors import EngineError, InternalError
from slipway.base.exhaustion import is_exhausted
from slipway.transport.aio.grpc_method import Method, methods_of
from slipway.transport.aio.http2 import Http2Connection, Http2Stream, MalformedMessage, StreamBroken
from slipway.wire import http2_frames
from slipway.wire.header_fields import encode_fields

log = logging.getLogger(__name__)

StatusFromError = Callable[[BaseException], tuple[int, str]]

# As containerd's defaults (defaults.DefaultMaxRecvMsgSize).
MAX_MESSAGE_BYTES: Final = 16 << 20
OK: Final = 0
CANCELLED: Final = 1
INVALID_ARGUMENT: Final = 3
DEADLINE_EXCEEDED: Final = 4
UNIMPLEMENTED: Final = 12
# https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: hours to nanoseconds
SECONDS_OF_UNIT: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
ANSWER: Final = ((":status", "200"), ("content-type", "application/grpc"))
ANSWER_BLOCK: Final = encode_fields(ANSWER)
# What stands for itself in grpc-message: printable ASCII but the percent sign.
PLAIN: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
# Percent signs may make it three times as long. A block of fields beyond 64 KiB breaks our clients' connection, and
# with it every other call on it; the callers' own names are part of many messages.
LONGEST_MESSAGE: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its method and the headers that came with it (lower-case names; the last of equal names)."""

    method: Method
    headers: Mapping[str, str]


class Refusal(Exception):
    """A status that is the protocol's own and no handler's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


Handler = Callable[[Call, Any], Any]
Receive = Callable[[], Awaitable[Any]]


class CallObserver(Protocol):
    """Is told what becomes of each call of a method that is served; on the event loop, so it must be quick."""

    def started(self, method: Method) -> None: ...
    def received(self, method: Method) -> None:
        """One message of the caller."""
        ...

    def sent(self, method: Method) -> None:
        """One message of ours."""
        ...

    def handled(self, method: Method, code: int, seconds: float) -> None:
        """It has ended, with this status; CANCELLED when the caller went away."""
        ...


class GrpcServer:
    """Serves services on one listening unix socket.

    `status_from_error` turns what a handler raises into a code and a message; what has code 2 (unknown) or 13
    (internal) is logged here, with its traceback, and nowhere else. A request has at most `max_message_bytes`.
    """

    def __init__(
        self,
        status_from_error: StatusFromError,
        *,
        observer: CallObserver | None = None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self._status_from_error = status_from_error
        self._observer = observer
        self._max_message_bytes = max_message_bytes
        self._routes: dict[str, tuple[Method, Handler]] = {}
        self._services: set[str] = set()
        self._connections: set[Http2Connection] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def add(self, service: ServiceDescriptor, implementation: object) -> None:
        """Route a service's methods to the methods of `implementation` that have their names (`close_io` for CloseIO).

        A method that the implementation lacks is answered as not implemented.
        """
        self._services.add(service.full_name)
        for name, method in methods_of(service).items():
            handler = getattr(implementation, name, None)
            if handler is not None:
                self._routes[method.path] = (method, handler)

    def paths(self) -> Iterable[str]:
        """The paths of all methods that are served."""
        return self._routes.keys()

    def methods(self) -> Iterable[Method]:
        """All methods that are served."""
        return [method for method, _ in self._routes.values()]

    async def start(self, listener: socket.socket) -> None:
        """Begin to answer on `listener`, which the server closes in the end."""
        self._server = await asyncio.get_running_loop().create_unix_server(self._connected, sock=listener)

    async def close(self, *, grace: float = 2.0) -> None:
        """Stop listening, cancel the calls that run, and give them `grace` seconds to end."""
        if self._server is None:
            return
        self._server.close()
        for call in self._calls:
            call.cancel()
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=grace)
            if late:
                log.warning("calls did not end in time", extra={"fields": {"seconds": grace}})
        for connection in list(self._connections):
            connection.close()

    def _connected(self) -> Http2Connection:
        connection = Http2Connection(
            is_client=False, on_stream=self._begin_call, on_lost=lambda lost: self._connections.discard(lost)
        )
        self._connections.add(connection)
        return connection

    def _begin_call(self, stream: Http2Stream) -> None:
        call = asyncio.get_running_loop().create_task(self._serve(stream))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        stream.on_broken = call.cancel

    async def _serve(self, stream: Http2Stream) -> None:
        """One call from its headers to its trailers. Cancelled when the caller goes away, or the server closes."""
        answer = _Answer(stream)
        try:
            async with asyncio.timeout(_seconds_left(stream.fields)) as deadline:
                await self._exchange(stream, answer)
            answer.end(OK, "")
        except (Refusal, MalformedMessage) as refusal:
            answer.end(refusal.code, str(refusal))
        except StreamBroken:
            pass  # the caller has gone
        except Exception as error:  # noqa: BLE001 - the edge of the server: whatever it is, the caller hears of it
            if deadline.expired():
                answer.end(DEADLINE_EXCEEDED, "the deadline of the call has passed")
            else:
                answer.end(*self._refusal(stream.fields.get(":path", ""), error))
        finally:
            stream.on_broken = None
            stream.abandon(http2_frames.NO_ERROR)
            answer.seen.end(answer.code)

    async def _exchange(self, stream: Http2Stream, answer: "_Answer") -> None:
        method, handler = self._route(stream.fields.get(":path", ""))
        call = Call(method, stream.fields)
        seen = answer.seen = self._seen(method)
        receive = partial(_receive, stream, method, self._max_message_bytes, seen)
        request: Any = _requests(receive) if method.many_requests else await _only_request(receive)
        if method.many_replies:
            answer.begin()
            replies: AsyncIterator[Any] = handler(call, request)
            try:
                async for reply in replies:
                    await stream.send(reply.SerializeToString())
                    seen.sent()
            finally:
                await replies.aclose()  # type: ignore[attr-defined] # every handler of this shape is a generator
        else:
            reply_soon: Awaitable[Any] = handler(call, request)
            await answer.send_only(await reply_soon)
            seen.sent()

    def _seen(self, method: Method) -> "_Unseen":
        return _UNSEEN if self._observer is None else _Seen(self._observer, method)

    def _route(self, path: str) -> tuple[Method, Handler]:
        route = self._routes.get(path)
        if route is not None:
            return route
        service, _, method = path.removeprefix("/").rpartition("/")
        if service in self._services:
            raise Refusal(UNIMPLEMENTED, f"unknown method {method} for service {service}")
        raise Refusal(UNIMPLEMENTED, f"unknown service {service}")

    def _refusal(self, path: str, error: Exception) -> tuple[int, str]:
        code, message = self._status_from_error(error)
        if is_exhausted(error):
            log.error("call failed: %s", error, extra={"fields": {"method": path}})
        elif not isinstance(error, EngineError) or isinstance(error, InternalError):
            log.error("call failed", exc_info=error, extra={"fields": {"method": path}})
        else:
            log.debug("call refused", extra={"fields": {"method": path, "code": code, "error": message}})
        return code, message


class _Unseen:
    """A call that nobody watches, or that has no method."""

    __slots__ = ()

    def received(self) -> None: ...
    def sent(self) -> None: ...
    def end(self, code: int) -> None: ...


class _Seen(_Unseen):
    """A call on its way past the observer."""

    __slots__ = ("_began", "_method", "_observer")

    def __init__(self, observer: CallObserver, method: Method) -> None:
        self._observer, self._method, self._began = observer, method, time.monotonic()
        observer.started(method)

    def received(self) -> None:
        self._observer.received(self._method)

    def sent(self) -> None:
        self._observer.sent(self._method)

    def end(self, code: int) -> None:
        self._observer.handled(self._method, code, time.monotonic() - self._began)


_UNSEEN: Final = _Unseen()


class _Answer:
    """Our half of one call: headers once, replies, trailers. `code` is what it has ended with."""

    def __init__(self, stream: Http2Stream) -> None:
        self._stream = stream
        self._begun = False
        self.seen: _Unseen = _UNSEEN
        self.code = CANCELLED

    def begin(self) -> None:
        """Send the headers now, before the first reply is known."""
        self._begun = True
        self._stream.send_fields(ANSWER_BLOCK)

    async def send_only(self, reply: Any) -> None:
        """The one reply; where there is room, headers, reply and status leave in one write."""
        message = reply.SerializeToString()
        if self._stream.gather(ANSWER_BLOCK, message):
            self._begun = True
        else:
            self.begin()
            await self._stream.send(message)

    def end(self, code: int, message: str) -> None:
        """The status. Without a reply it comes with the headers: Go's client wants a content-type there."""
        self.code = code
        self._stream.send_fields(_end_block(code, message, headers_too=not self._begun), end=True)


@lru_cache(maxsize=64)
def _end_block(code: int, message: str, *, headers_too: bool) -> bytes:
    trailers = [("grpc-status", str(code))]
    if message:
        whole = message.encode("utf-8", "surrogateescape")[:LONGEST_MESSAGE]
        trailers.append(("grpc-message", quote(whole, safe=PLAIN)))
    return encode_fields([*ANSWER, *trailers] if headers_too else trailers)


async def _only_request(receive: Receive) -> Any:
    request = await receive()
    if request is None:
        raise Refusal(INVALID_ARGUMENT, "the request ended before its message")
    return request


async def _requests(receive: Receive) -> AsyncIterator[Any]:
    while (request := await receive()) is not None:
        yield request


async def _receive(stream: Http2Stream, method: Method, limit: int, seen: _Unseen) -> Any:
    """The next request; None after the last."""
    message = await stream.receive(limit)
    if message is None:
        return None
    seen.received()
    try:
        return method.request_type.FromString(message)
    except DecodeError as error:
        raise Refusal(INVALID_ARGUMENT, f"decode {method.request_type.DESCRIPTOR.full_name}: {error}") from error


def _seconds_left(fields: Mapping[str, str]) -> float | None:
    """What the caller's deadline leaves. Raises nothing: one that we cannot read is none."""
    text = fields.get("grpc-timeout", "")
    digits, unit = text[:-1], text[-1:]
    if not (digits.isascii() and digits.isdecimal()) or unit not in SECONDS_OF_UNIT:
        return None
    return int(digits) * SECONDS_OF_UNIT[unit]
