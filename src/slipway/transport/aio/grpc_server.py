"""A gRPC server on a unix socket: plain coroutines and generators behind it, grpclib inside and nowhere else.

A handler has one of four shapes, as its method says:

    async def get(self, call, request) -> reply
    async def list(self, call, request): yield reply; ...
    async def upload(self, call, requests) -> reply               (`requests` is an asynchronous iterator)
    async def write(self, call, requests): yield reply; ...
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import h2.settings
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from grpclib.config import Configuration
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.protocol import H2Protocol
from grpclib.server import Server, Stream

from slipway.base.errors import EngineError, InternalError
from slipway.transport.aio.grpc_method import Method, methods_of

log = logging.getLogger(__name__)

StatusFromError = Callable[[BaseException], tuple[int, str]]

# Go's server sets no limit. Every waiting client of a running container holds a stream for as long as it runs.
MAX_STREAMS_PER_CONNECTION: Final = 100_000
# As containerd's defaults (defaults.DefaultMaxRecvMsgSize).
MAX_MESSAGE_BYTES: Final = 16 << 20
WINDOW_BYTES: Final = 4 << 20
HEAD_BYTES: Final = 5  # compressed or not, and the length: gRPC over HTTP/2, "Length-Prefixed-Message"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its method and the headers that came with it (lower-case names; the last of equal names)."""

    method: Method
    headers: Mapping[str, str]


class GrpcServer:
    """Serves services on one listening unix socket.

    `status_from_error` turns what a handler raises into a code and a message; what has code 2 (unknown) or 13
    (internal) is
    logged here, with its traceback, and nowhere else.
    """

    def __init__(self, status_from_error: StatusFromError) -> None:
        self._status_from_error = status_from_error
        self._methods: dict[str, Handler] = {}
        self._services: set[str] = set()
        self._server: _UnixServer | None = None

    def add(self, service: ServiceDescriptor, implementation: object) -> None:
        """Route a service's methods to the methods of `implementation` that have their names (`close_io` for CloseIO).

        A method that the implementation lacks is answered as not implemented.
        """
        self._services.add(service.full_name)
        for name, method in methods_of(service).items():
            handler = getattr(implementation, name, None)
            if handler is not None:
                self._methods[method.path] = self._route(method, handler)

    def paths(self) -> Iterable[str]:
        """The paths of all methods that are served."""
        return self._methods.keys()

    async def start(self, listener: socket.socket) -> None:
        """Begin to answer on `listener`, which the server closes in the end."""
        self._server = _UnixServer(_Routes(self._methods, self._services))
        await self._server.listen(listener)

    async def close(self, *, grace: float = 2.0) -> None:
        """Stop listening, cancel the calls that run, and give them `grace` seconds to end."""
        if self._server is None:
            return
        self._server.close()
        try:
            await asyncio.wait_for(self._server.wait_closed(), grace)
        except TimeoutError:
            log.warning("calls did not end in time", extra={"fields": {"seconds": grace}})

    def _route(self, method: Method, handler: Callable[..., Any]) -> Handler:
        async def serve(stream: Stream[Any, Any]) -> None:
            try:
                await _exchange(method, handler, stream)
            except (GRPCError, asyncio.CancelledError):
                raise
            except Exception as error:
                raise self._refusal(method, error) from error

        return _grpclib_handler(serve, method)

    def _refusal(self, method: Method, error: Exception) -> GRPCError:
        code, message = self._status_from_error(error)
        if not isinstance(error, EngineError) or isinstance(error, InternalError):
            log.error("call failed", exc_info=error, extra={"fields": {"method": method.path}})
        else:
            log.debug("call refused", extra={"fields": {"method": method.path, "code": code, "error": message}})
        return GRPCError(Status(code), message)


async def _exchange(method: Method, handler: Callable[..., Any], stream: Stream[Any, Any]) -> None:
    headers = {key: value for key, value in (stream.metadata or {}).items() if isinstance(value, str)}
    call = Call(method, headers)
    request: Any = _requests(stream, method) if method.many_requests else await _only_request(stream, method)
    if method.many_replies:
        await stream.send_initial_metadata()
        replies: AsyncIterator[Any] = handler(call, request)
        try:
            async for reply in replies:
                await stream.send_message(reply)
        finally:
            await replies.aclose()  # type: ignore[attr-defined] # every handler of this shape is a generator
    else:
        reply_soon: Awaitable[Any] = handler(call, request)
        await stream.send_message(await reply_soon)


async def _only_request(stream: Stream[Any, Any], method: Method) -> Any:
    request = await _receive(stream, method)
    if request is None:
        raise GRPCError(Status.INVALID_ARGUMENT, "the request ended before its message")
    return request


async def _requests(stream: Stream[Any, Any], method: Method) -> AsyncIterator[Any]:
    while (request := await _receive(stream, method)) is not None:
        yield request


async def _receive(stream: Stream[Any, Any], method: Method) -> Any:
    """The next request; None after the last. grpclib's own would take any length, and call malformed bytes a bug of
    ours."""
    data = stream._stream
    head = await data.recv_data(HEAD_BYTES)
    if not head:
        return None
    if head[0]:
        raise GRPCError(Status.UNIMPLEMENTED, "compressed requests are not served")
    size = int.from_bytes(head[1:])
    if size > MAX_MESSAGE_BYTES:
        raise GRPCError(Status.RESOURCE_EXHAUSTED, f"received message larger than max ({size} vs. {MAX_MESSAGE_BYTES})")
    try:
        return method.request_type.FromString(await data.recv_data(size))
    except DecodeError as error:
        raise GRPCError(
            Status.INVALID_ARGUMENT, f"decode {method.request_type.DESCRIPTOR.full_name}: {error}"
        ) from error


def _grpclib_handler(serve: Callable[[Stream[Any, Any]], Awaitable[None]], method: Method) -> Handler:
    return Handler(serve, method.cardinality, method.request_type, method.reply_type)


class _Routes(dict[str, Handler]):
    """grpclib's table of methods, which also knows an answer for what is not in it.

    grpclib itself would answer an unknown method without a content-type, which Go's client reports as a malformed
    header.
    """

    def __init__(self, methods: Mapping[str, Handler], services: set[str]) -> None:
        super().__init__(methods)
        self._services = services

    def get(self, path: str, default: Any = None) -> Handler:
        return super().get(path) or self._unknown(path)

    def _unknown(self, path: str) -> Handler:
        service, _, method = path.removeprefix("/").rpartition("/")
        if service in self._services:
            message = f"unknown method {method} for service {service}"
        else:
            message = f"unknown service {service}"

        async def refuse(_: Stream[Any, Any]) -> None:
            raise GRPCError(Status.UNIMPLEMENTED, message)

        return Handler(refuse, Cardinality.STREAM_STREAM, Empty, Empty)


class _Protocol(H2Protocol):
    """grpclib's connection, with room for as many streams as there are waiting clients."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        state = self.connection._connection
        state.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS_PER_CONNECTION})
        self.connection.flush()


class _UnixServer(Server):
    """grpclib's server on a socket that is bound already; its own `start` knows paths only."""

    def __init__(self, routes: _Routes) -> None:
        super().__init__((), config=_configuration())
        self._mapping = routes

    async def listen(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._protocol_factory, sock=listener)
        self._server_closed_fut = loop.create_future()

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        return _Protocol(protocol.handler, protocol.config, protocol.h2_config)


def _configuration() -> Configuration:
    return Configuration(http2_connection_window_size=WINDOW_BYTES, http2_stream_window_size=WINDOW_BYTES)
