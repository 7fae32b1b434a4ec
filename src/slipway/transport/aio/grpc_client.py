"""A gRPC channel over a unix socket: the calling side of grpc_server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from google.protobuf.message import DecodeError

from slipway.transport.aio.grpc_method import Method
from slipway.transport.aio.http2 import Http2Connection, Http2Stream, MalformedMessage, StreamBroken
from slipway.wire.header_fields import encode_fields

ErrorFromStatus = Callable[[int, str], Exception]

OK: Final = 0
CANCELLED: Final = 1
UNKNOWN: Final = 2
INTERNAL: Final = 13
UNAVAILABLE: Final = 14
# As containerd's defaults (defaults.DefaultMaxRecvMsgSize).
MAX_MESSAGE_BYTES: Final = 16 << 20


class GrpcChannel:
    """One connection, made at the first call and made again after it was lost; calls share it.

    `error_from_status` makes the exception for a refused call. A connection that cannot be made or breaks is code 14
    (unavailable), a deadline code 1 (cancelled).
    """

    def __init__(self, path: str, error_from_status: ErrorFromStatus) -> None:
        self._path = path
        self._error_from_status = error_from_status
        self._connection: Http2Connection | None = None
        self._connecting = asyncio.Lock()

    async def call(
        self, method: Method, request: Any, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Any:
        """One request, one reply. `timeout` in seconds is told to the server too; None waits for as long as it
        takes."""
        async with self.open(method, headers=headers, timeout=timeout) as stream:
            await stream.send(request, last=True)
            reply = await stream.receive()
            await stream.finish()
        return reply

    async def replies(
        self, method: Method, request: Any, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Any]:
        """One request, many replies. Closing the iterator cancels the call."""
        async with self.open(method, headers=headers) as stream:
            await stream.send(request, last=True)
            async for reply in stream:
                yield reply

    @asynccontextmanager
    async def open(
        self, method: Method, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> AsyncIterator["ChannelStream"]:
        """A stream for methods with many requests. Leaving the block before the end cancels the call."""
        block = _request_block(method.path, timeout, tuple((headers or {}).items()))
        try:
            async with asyncio.timeout(timeout):
                connection = self._connection
                if connection is None or not connection.is_usable:
                    connection = await self._connect()
                stream = connection.open(block)
                try:
                    yield ChannelStream(stream, method)
                finally:
                    stream.abandon()
        except _Refused as refused:
            raise self._error_from_status(refused.code, refused.message) from refused
        except TimeoutError as error:
            raise self._error_from_status(CANCELLED, f"{method.path}: no answer in {timeout} s") from error
        except (OSError, StreamBroken) as error:
            raise self._error_from_status(UNAVAILABLE, f"connect to {self._path}: {error}") from error

    def close(self) -> None:
        """Break the connection; calls that run fail as unavailable."""
        if self._connection is not None:
            self._connection.close()

    async def _connect(self) -> Http2Connection:
        """Raises OSError."""
        async with self._connecting:
            if self._connection is None or not self._connection.is_usable:
                loop = asyncio.get_running_loop()
                _, self._connection = await loop.create_unix_connection(
                    lambda: Http2Connection(is_client=True), self._path
                )
            return self._connection


class ChannelStream:
    """One open call. Iterate over it for the replies."""

    def __init__(self, stream: Http2Stream, method: Method) -> None:
        self._stream = stream
        self._reply_type = method.reply_type
        self._ended = False
        self.finished = False

    async def send(self, request: Any, *, last: bool = False) -> None:
        """Returns when the other side has room; `last` ends our half. A call that was refused meanwhile raises here."""
        self._ended = self._ended or last
        try:
            await self._stream.send(request.SerializeToString(), end=last)
        except StreamBroken:
            self._check_trailers()
            raise

    async def end(self) -> None:
        """Say that no request follows."""
        if not self._ended:
            self._ended = True
            self._stream.end()

    async def receive(self) -> Any:
        """The next reply, or None after the last; a refused call raises here."""
        try:
            message = await self._stream.receive(MAX_MESSAGE_BYTES)
            if message is not None:
                return self._reply_type.FromString(message)
        except (MalformedMessage, DecodeError) as error:
            raise _Refused(INTERNAL, f"malformed reply: {error}") from error
        await self.finish()
        return None

    async def finish(self) -> None:
        """Take the trailers: raises when the call was refused in the end."""
        if not self.finished:
            self.finished = True
            await self.end()
            await self._stream.wait_end()
            self._check_trailers()

    def _check_trailers(self) -> None:
        """Raises _Refused when the trailers say so; nothing happens as long as there are none."""
        trailers = self._stream.trailers
        if trailers is None:
            return
        status = trailers.get("grpc-status", "")
        if not (status.isascii() and status.isdigit() and len(status) < 10):
            answer = self._stream.fields.get(":status", "?")
            raise _Refused(UNKNOWN, f"no gRPC status in the answer (HTTP status {answer})")
        if int(status) != OK:
            raise _Refused(int(status), unquote(trailers.get("grpc-message", "")) or f"gRPC status {status}")

    def __aiter__(self) -> "ChannelStream":
        return self

    async def __anext__(self) -> Any:
        reply = await self.receive()
        if reply is None:
            raise StopAsyncIteration
        return reply


class _Refused(Exception):
    """The server's status, on its way to `error_from_status`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@lru_cache(maxsize=256)
def _request_block(path: str, timeout: float | None, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The header block of a request: the same few for every container, so they are packed once."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost")]
    fields += [("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "slipway")]
    if timeout is not None:
        # At most eight digits: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
        fields.append(("grpc-timeout", f"{min(int(timeout * 1000), 99_999_999)}m"))
    return encode_fields([*fields, *headers])
