"""A gRPC channel over a unix socket: the calling side of grpc_server. grpclib inside and nowhere else."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from grpclib.client import Channel, Stream
from grpclib.config import Configuration
from grpclib.exceptions import GRPCError, StreamTerminatedError

from slipway.transport.aio.grpc_method import Method

ErrorFromStatus = Callable[[int, str], Exception]

UNAVAILABLE: Final = 14
CANCELLED: Final = 1
WINDOW_BYTES: Final = 4 << 20


class GrpcChannel:
    """One connection, made at the first call and made again after it was lost; calls share it.

    `error_from_status` makes the exception for a refused call. A connection that cannot be made or breaks is code 14
    (unavailable), a deadline code 1 (cancelled).
    """

    def __init__(self, path: str, error_from_status: ErrorFromStatus) -> None:
        self._path = path
        self._error_from_status = error_from_status
        configuration = Configuration(http2_connection_window_size=WINDOW_BYTES, http2_stream_window_size=WINDOW_BYTES)
        self._channel = Channel(path=path, config=configuration)
        # The default is the port of a TCP channel; Go's servers want an authority without odd characters.
        self._channel._authority = "localhost"

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
        request = self._channel.request(
            method.path,
            method.cardinality,
            method.request_type,
            method.reply_type,
            timeout=timeout,
            metadata=dict(headers or {}),
        )
        try:
            async with request as stream:
                wrapped = ChannelStream(stream)
                yield wrapped
                if not wrapped.finished:
                    await stream.cancel()
        except GRPCError as error:
            raise self._error_from_status(error.status.value, error.message or error.status.name.lower()) from error
        except (OSError, StreamTerminatedError) as error:
            raise self._error_from_status(UNAVAILABLE, f"connect to {self._path}: {error}") from error
        except TimeoutError as error:
            raise self._error_from_status(CANCELLED, f"{method.path}: no answer in {timeout} s") from error

    def close(self) -> None:
        """Break the connection; calls that run fail as unavailable."""
        self._channel.close()


class ChannelStream:
    """One open call. Iterate over it for the replies."""

    def __init__(self, stream: Stream[Any, Any]) -> None:
        self._stream = stream
        self._ended = False
        self.finished = False

    async def send(self, request: Any, *, last: bool = False) -> None:
        """Returns when the other side has room; `last` ends our half."""
        self._ended = self._ended or last
        await self._stream.send_message(request, end=last)

    async def end(self) -> None:
        """Say that no request follows."""
        if not self._ended:
            self._ended = True
            await self._stream.end()

    async def receive(self) -> Any:
        """The next reply, or None after the last; a refused call raises here."""
        reply = await self._stream.recv_message()
        if reply is None:
            await self.finish()
        return reply

    async def finish(self) -> None:
        """Take the trailers: raises when the call was refused in the end."""
        if not self.finished:
            self.finished = True
            await self.end()
            await self._stream.recv_trailing_metadata()

    def __aiter__(self) -> "ChannelStream":
        return self

    async def __anext__(self) -> Any:
        reply = await self.receive()
        if reply is None:
            raise StopAsyncIteration
        return reply
