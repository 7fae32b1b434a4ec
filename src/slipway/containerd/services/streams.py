"""containerd.services.streaming.v1: named two-way streams, and what travels on them.

A client opens a stream, names it in a StreamInit, and then mentions the name in another call (a transfer's archive, its
progress, its credentials). Bytes go as Data messages; whoever reads grants room with WindowUpdate messages first.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyProto
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message

from slipway.base.errors import AlreadyExists, Cancelled, InvalidArgument, NotFound
from slipway.containerd.services.scope import scope_of
from slipway.contracts.containerd_api.generated.streaming_pb2 import StreamInit
from slipway.contracts.containerd_api.generated.transfer_types_pb2 import Data, WindowUpdate
from slipway.transport.aio.grpc_server import Call

# As the original's transfer streams: room for two pieces of 32 KiB.
WINDOW_BYTES: Final = 64 * 1024
PIECE_BYTES: Final = 32 * 1024
OUTGOING_LIMIT: Final = 1024


class NamedStream:
    """Our end of one stream: `receive` what the client sent, `send` what it shall get, `close` when all is said."""

    def __init__(self, incoming: AsyncIterator[Any]) -> None:
        self._incoming = incoming
        self._outgoing: asyncio.Queue[AnyProto | None] = asyncio.Queue(OUTGOING_LIMIT)
        self._gone = asyncio.Event()

    async def receive(self) -> AnyProto | None:
        """The next message; None after the last."""
        message: AnyProto | None = await anext(self._incoming, None)
        return message

    async def send(self, message: Message) -> None:
        """Raises Cancelled when the client is gone."""
        if self._gone.is_set():
            raise Cancelled("send on stream: the client went away")
        await self._outgoing.put(any_of(message))

    def send_nowait(self, message: Message) -> bool:
        """Send, unless the client is gone or too slow: then the message is dropped and the answer False."""
        if self._gone.is_set():
            return False
        try:
            self._outgoing.put_nowait(any_of(message))
        except asyncio.QueueFull:
            return False
        return True

    async def flush(self, seconds: float) -> None:
        """Return when all that was sent is on its way, the client is gone, or `seconds` have passed."""
        if not self._gone.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._outgoing.join()

    async def close(self) -> None:
        """End our half; the client sees the end of the stream."""
        if not self._gone.is_set():
            await self._outgoing.put(None)

    async def outgoing(self) -> AsyncGenerator[AnyProto, None]:
        try:
            while (message := await self._outgoing.get()) is not None:
                try:
                    yield message
                finally:
                    self._outgoing.task_done()
            self._outgoing.task_done()
        finally:
            self._gone.set()
            while not self._outgoing.empty():
                self._outgoing.get_nowait()
                self._outgoing.task_done()


class StreamsService:
    """The streams that are open, by namespace and name. A name is free again when its stream ends."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], NamedStream] = {}

    def get(self, namespace: str, name: str) -> NamedStream:
        """Raises NotFound."""
        stream = self._streams.get((namespace, name))
        if stream is None:
            raise NotFound(f"stream {name!r}: not found")
        return stream

    async def stream(self, call: Call, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        key = (scope_of(call).namespace, await _name_from(requests))
        if key in self._streams:
            raise AlreadyExists(f"stream {key[1]!r}: already exists")
        stream = self._streams[key] = NamedStream(requests)
        try:
            yield any_of(Empty())
            async with aclosing(stream.outgoing()) as outgoing:
                async for message in outgoing:
                    yield message
        finally:
            del self._streams[key]


class StreamSource:
    """Bytes from a client. See transfer/interface.ByteSource."""

    def __init__(self, stream: NamedStream) -> None:
        self._stream = stream
        self._granted = 0

    async def read(self) -> bytes:
        while self._granted < WINDOW_BYTES:
            await self._stream.send(WindowUpdate(update=WINDOW_BYTES))
            self._granted += WINDOW_BYTES
        while (message := await self._stream.receive()) is not None:
            data: bytes = message_from(message, Data).data
            self._granted -= len(data)
            if data:
                return data
        return b""


class StreamSink:
    """Bytes to a client. See transfer/interface.ByteSink."""

    def __init__(self, stream: NamedStream) -> None:
        self._stream = stream
        self._room = 0

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            while self._room <= 0:
                await self._take_window()
            piece = view[: min(self._room, PIECE_BYTES)]
            await self._stream.send(Data(data=bytes(piece)))
            self._room -= len(piece)
            view = view[len(piece) :]

    async def _take_window(self) -> None:
        message = await self._stream.receive()
        if message is None:
            raise Cancelled("write to stream: the client went away")
        self._room += message_from(message, WindowUpdate).update


def any_of(message: Message) -> AnyProto:
    """An Any as containerd makes it: the bare name, without "type.googleapis.com/"."""
    if isinstance(message, AnyProto):
        return message
    return AnyProto(type_url=message.DESCRIPTOR.full_name, value=message.SerializeToString())


def message_from(value: AnyProto, kind: type[Any]) -> Any:
    """The message of the expected kind in an Any. Raises InvalidArgument for another."""
    if value.type_url.rpartition("/")[2] != kind.DESCRIPTOR.full_name:
        raise InvalidArgument(f"expected {kind.DESCRIPTOR.full_name}, got {value.type_url!r}")
    try:
        return kind.FromString(value.value)
    except DecodeError as error:
        raise InvalidArgument(f"decode {kind.DESCRIPTOR.full_name}: {error}") from error


async def _name_from(requests: AsyncIterator[Any]) -> str:
    first = await anext(requests, None)
    if first is None:
        raise InvalidArgument("open stream: it ended before its name")
    name: str = message_from(first, StreamInit).id
    if not name:
        raise InvalidArgument("open stream: the name must not be empty")
    return name
