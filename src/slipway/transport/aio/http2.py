"""HTTP/2 on asyncio: connections whose streams carry gRPC's messages (a flag, a length, that many bytes).

The protocol itself is wire/http2.py; here are the sockets, and who waits for what.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, cast

from slipway.wire import http2_frames
from slipway.wire.http2 import DataReceived, FieldsReceived, GoneAway, Http2, RoomGranted, StreamReset
from slipway.wire.http2_frames import Http2Error

WINDOW_BYTES: Final = 4 << 20
# Go's server sets no limit. Every waiting client of a running container holds a stream for as long as it runs.
MAX_STREAMS_PER_CONNECTION: Final = 100_000
# Streams whose request has not ended cost memory and a task each, for as long as their opener likes. Uploads stay open;
# everything else ends its half at once.
HALF_OPEN_LIMIT: Final = 1024
# Answers to pings, settings and the like for one who does not read them; Go's server allows 10,000 frames.
UNREAD_ANSWERS_LIMIT: Final = 256 * 1024
MESSAGE_HEAD: Final = 5


class StreamBroken(Exception):
    """A stream ended before its time: the other side reset it, or the connection is lost."""


class MalformedMessage(Exception):
    """What arrived is no message that we take. `code` is gRPC's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Http2Stream:
    """One stream: messages to receive and to send, each by one task at a time.

    `fields` are its first header fields and `trailers` its last ones, once they have arrived.
    """

    def __init__(self, connection: "Http2Connection", number: int) -> None:
        self._connection = connection
        self.number = number
        self.fields: Mapping[str, str] = {}
        self.trailers: Mapping[str, str] | None = None
        self.has_ended = False  # the other half
        self.on_broken: Callable[[], object] | None = None
        self._broken = ""
        self._buffer = bytearray()
        self._unconsumed = 0
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    async def receive(self, limit: int) -> bytes | None:
        """The next message; None after the last. Raises StreamBroken, MalformedMessage (longer than `limit`, say)."""
        while (message := self._next_message(limit)) is None:
            if self.has_ended:
                if self._buffer:
                    raise MalformedMessage(3, "the stream ended inside a message")
                return None
            if self._broken:
                raise StreamBroken(self._broken)
            await self._wait_readable()
        return message

    async def wait_end(self) -> None:
        """Wait for the end of the other half, whose messages do not matter any more. Raises StreamBroken."""
        while not self.has_ended:
            if self._broken:
                raise StreamBroken(self._broken)
            self._drop_input()
            await self._wait_readable()

    async def send(self, message: bytes, *, end: bool = False) -> None:
        """Send one message; `end` ends our half with it. Returns when all of it had room. Raises StreamBroken."""
        data = _framed(message)
        sent = self._connection.send_data(self.number, data, end=end) if self._may_send() else 0
        view = memoryview(data)
        while sent < len(view):
            view = view[sent:]
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
            sent = self._connection.send_data(self.number, view, end=end) if self._may_send() else 0

    def end(self) -> None:
        """End our half, without a further message."""
        self._connection.send_data(self.number, b"", end=True)

    def gather(self, block: bytes, message: bytes) -> bool:
        """Have header fields and a message go out with what follows; False, and nothing done, for want of room."""
        connection, data = self._connection, _framed(message)
        if not self._may_send() or connection.wire.room(self.number) < len(data):
            return False
        connection.wire.send_fields(self.number, block)
        connection.wire.send_data(self.number, data)
        return True

    def send_fields(self, block: bytes, *, end: bool = False) -> None:
        self._connection.wire.send_fields(self.number, block, end=end)
        self._connection.flush()

    def abandon(self, code: int = http2_frames.CANCEL) -> None:
        """Give the stream up, unless it is over; let go of it in any case."""
        self._connection.forget(self.number)
        self._connection.wire.reset(self.number, code)
        self._connection.flush()

    def take_data(self, event: DataReceived) -> None:
        self._buffer += event.data
        self._unconsumed += event.size
        self.has_ended = event.end
        if not self._has_message():
            self._consume(self._unconsumed)  # a message may be longer than the window
        wake(self._reader)

    def take_fields(self, event: FieldsReceived) -> None:
        if event.end or self.fields:
            self.trailers = event.fields
        if not self.fields:
            self.fields = event.fields
        self.has_ended = event.end
        wake(self._reader)

    def wake_writer(self) -> None:
        wake(self._writer)

    def break_off(self, reason: str) -> None:
        """No more will come or go: whoever waits gets StreamBroken, after the messages that are there."""
        self._broken = self._broken or reason
        wake(self._reader)
        wake(self._writer)
        if self.on_broken is not None:
            self.on_broken()

    def _may_send(self) -> bool:
        if self._broken:
            raise StreamBroken(self._broken)
        return not self._connection.is_full

    def _has_message(self) -> bool:
        buffer = self._buffer
        return len(buffer) >= MESSAGE_HEAD and len(buffer) - MESSAGE_HEAD >= int.from_bytes(buffer[1:MESSAGE_HEAD])

    def _next_message(self, limit: int) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < MESSAGE_HEAD:
            return None
        size = int.from_bytes(buffer[1:MESSAGE_HEAD])
        if buffer[0]:
            raise MalformedMessage(12, "compressed messages are not served")
        if size > limit:
            raise MalformedMessage(8, f"received message larger than max ({size} vs. {limit})")
        end = MESSAGE_HEAD + size
        if len(buffer) < end:
            return None
        message = bytes(memoryview(buffer)[MESSAGE_HEAD:end])
        del buffer[:end]
        self._consume(min(end, self._unconsumed) if self._has_message() else self._unconsumed)
        return message

    def _consume(self, size: int) -> None:
        self._unconsumed -= size
        self._connection.wire.consumed(self.number, size)
        self._connection.flush()

    def _drop_input(self) -> None:
        self._buffer.clear()
        self._consume(self._unconsumed)

    async def _wait_readable(self) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None


def _framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(MESSAGE_HEAD - 1) + message


def wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


class Http2Connection(asyncio.Protocol):
    """One connection, either side. `on_stream` gets each stream that the other side opens, `on_lost` the end."""

    def __init__(
        self,
        *,
        is_client: bool,
        on_stream: Callable[[Http2Stream], None] | None = None,
        on_lost: Callable[["Http2Connection"], None] | None = None,
    ) -> None:
        self.wire = Http2(is_client=is_client, window=WINDOW_BYTES, streams=MAX_STREAMS_PER_CONNECTION)
        self.is_usable = True  # for new streams
        self.is_full = False  # the socket takes no more for now
        self._unread = 0  # bytes of answers of the protocol itself, written since it is full
        self._on_stream = on_stream
        self._on_lost = on_lost
        self._streams: dict[int, Http2Stream] = {}
        self._half_open: set[int] = set()  # those of the other side's that it has not ended
        self._transport: asyncio.Transport | None = None

    def open(self, block: bytes) -> Http2Stream:
        """Open a stream with its header block. What is sent at once with it goes in one write."""
        stream = Http2Stream(self, self.wire.open(block))
        self._streams[stream.number] = stream
        return stream

    def send_data(self, number: int, data: bytes | memoryview, *, end: bool) -> int:
        sent = self.wire.send_data(number, data, end=end)
        self.flush()
        return sent

    def flush(self) -> None:
        """Write what has gathered. Nothing happens once the connection is lost."""
        output = self.wire.take_output()
        if output and self._transport is not None:
            self._transport.write(output)

    def forget(self, number: int) -> None:
        self._streams.pop(number, None)
        self._half_open.discard(number)

    def close(self) -> None:
        """Send what is left, then close. Streams that are open break."""
        self.is_usable = False
        if self._transport is not None:
            self.wire.go_away(http2_frames.NO_ERROR)
            self.flush()
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not derived from it
        self.flush()

    def data_received(self, data: bytes) -> None:
        try:
            events = self.wire.receive(data)
        except Http2Error as error:
            self._fail(f"the other side broke the protocol: {error}")
            return
        for event in events:
            self._take(event)
        self._answer()

    def _answer(self) -> None:
        """Send what the protocol itself answers. Nothing else bounds that when the other side asks and never reads."""
        output = self.wire.take_output()
        if not output or self._transport is None:
            return
        if self.is_full:
            self._unread += len(output)
            if self._unread > UNREAD_ANSWERS_LIMIT:
                self._fail("the other side does not read its answers")
                return
        self._transport.write(output)

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        self._unread = 0
        self._wake_writers()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._break_all(f"connection lost{f': {error}' if error else ''}")
        if self._on_lost is not None:
            self._on_lost(self)

    def _take(self, event: object) -> None:
        if isinstance(event, DataReceived):
            self._note_end(event)
            if (stream := self._streams.get(event.stream)) is not None:
                stream.take_data(event)
        elif isinstance(event, FieldsReceived):
            self._take_fields(event)
        elif isinstance(event, RoomGranted):
            if event.stream == 0:
                self._wake_writers()
            elif (stream := self._streams.get(event.stream)) is not None:
                stream.wake_writer()
        elif isinstance(event, StreamReset):
            self._half_open.discard(event.stream)
            if (stream := self._streams.pop(event.stream, None)) is not None:
                stream.break_off(f"the stream was reset with code {event.code}")
        elif isinstance(event, GoneAway):
            self.is_usable = False
            for number in [number for number in self._streams if number > event.last]:
                self._streams.pop(number).break_off("the other side is going away")

    def _note_end(self, event: DataReceived | FieldsReceived) -> None:
        if event.end:
            self._half_open.discard(event.stream)

    def _take_fields(self, event: FieldsReceived) -> None:
        if not event.is_new:
            self._note_end(event)
            if (stream := self._streams.get(event.stream)) is not None:
                stream.take_fields(event)
            return
        if not event.end:
            if len(self._half_open) >= HALF_OPEN_LIMIT:
                self.wire.reset(event.stream, http2_frames.REFUSED_STREAM)
                return
            self._half_open.add(event.stream)
        stream = self._streams[event.stream] = Http2Stream(self, event.stream)
        stream.fields = event.fields
        stream.has_ended = event.end
        assert self._on_stream is not None
        self._on_stream(stream)

    def _wake_writers(self) -> None:
        for stream in list(self._streams.values()):
            stream.wake_writer()

    def _fail(self, reason: str) -> None:
        self.is_usable = False
        self.flush()
        self._break_all(reason)
        if self._transport is not None:
            self._transport.close()

    def _break_all(self, reason: str) -> None:
        self.is_usable = False
        streams = list(self._streams.values())
        self._streams.clear()
        for stream in streams:
            stream.break_off(reason)
