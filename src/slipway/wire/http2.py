"""One side of an HTTP/2 connection without I/O: bytes in, events out; what to send gathers until it is taken.

As much of RFC 9113 as gRPC needs: no push, no priorities, no upgrade from HTTP/1. A caller that breaks the protocol
raises Http2Error from `receive`; after that only `take_output` (the GOAWAY) makes sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slipway.wire import http2_frames as wire
from slipway.wire.header_fields import FieldDecoder
from slipway.wire.http2_frames import Http2Error, frame

LONGEST_BLOCK: Final = 64 * 1024
# The connection's own window is as good as open: what bounds memory is each stream's.
_CONNECTION_ROOM: Final = wire.LARGEST_WINDOW
_CONNECTION_REFILL: Final = 1 << 30


class FieldsReceived:
    """Header fields of a stream, or its trailers; `is_new` for a stream that the other side opens with them."""

    __slots__ = ("end", "fields", "is_new", "stream")

    def __init__(self, stream: int, fields: Mapping[str, str], *, end: bool, is_new: bool) -> None:
        self.stream = stream
        self.fields = fields
        self.end = end
        self.is_new = is_new


class DataReceived:
    """Bytes of a stream. Say `consumed` of `size`, or the other side will stop."""

    __slots__ = ("data", "end", "size", "stream")

    def __init__(self, stream: int, data: bytes, size: int, *, end: bool) -> None:
        self.stream = stream
        self.data = data
        self.size = size
        self.end = end


class StreamReset:
    """The other side gave a stream up."""

    __slots__ = ("code", "stream")

    def __init__(self, stream: int, code: int) -> None:
        self.stream = stream
        self.code = code


class RoomGranted:
    """There may be more room to send: on one stream, or on all of them (0)."""

    __slots__ = ("stream",)

    def __init__(self, stream: int) -> None:
        self.stream = stream


class GoneAway:
    """The other side takes no new streams; those up to `last` it still answers."""

    __slots__ = ("code", "last")

    def __init__(self, last: int, code: int) -> None:
        self.last = last
        self.code = code


Event = FieldsReceived | DataReceived | StreamReset | RoomGranted | GoneAway


class _Stream:
    """The windows and the open halves of one stream."""

    __slots__ = ("our_half_open", "receive_room", "send_room", "their_half_open", "unsaid")

    def __init__(self, send_room: int, receive_room: int) -> None:
        self.send_room = send_room
        self.receive_room = receive_room
        self.unsaid = 0  # consumed, and not yet told to the other side
        self.our_half_open = True
        self.their_half_open = True


class Http2:
    """A connection as its client or its server sees it.

    `window` is how many bytes the other side may send on a stream before we have consumed them; `streams` how many it
    may have open.
    """

    def __init__(self, *, is_client: bool, window: int, streams: int) -> None:
        self._is_client = is_client
        self._window = window
        self._limit = streams
        self._streams: dict[int, _Stream] = {}
        self._fields = FieldDecoder()
        self._rest = b""
        self._preface_left = b"" if is_client else wire.PREFACE
        self._block: tuple[int, int, bytearray] | None = None  # stream, flags, fragments: CONTINUATION must follow
        self._next_stream = 1
        self._last_of_peer = 0
        self._send_room = wire.DEFAULT_WINDOW
        self._receive_room = _CONNECTION_ROOM
        self._peer_window = wire.DEFAULT_WINDOW
        self._peer_frame_size = wire.DEFAULT_FRAME_SIZE
        self._output: list[bytes] = [wire.PREFACE] if is_client else []
        settings = {wire.MAX_CONCURRENT_STREAMS: streams, wire.INITIAL_WINDOW_SIZE: window}
        self._output.append(wire.settings_frame(settings))
        self._grant(0, _CONNECTION_ROOM - wire.DEFAULT_WINDOW)

    # What we send

    def take_output(self) -> bytes:
        """The bytes to send; empty when there are none."""
        if not self._output:
            return b""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def open(self, block: bytes) -> int:
        """Open a stream with its header block (see header_fields); its number."""
        number = self._next_stream
        self._next_stream += 2
        self._streams[number] = _Stream(self._peer_window, self._window)
        self.send_fields(number, block)
        return number

    def send_fields(self, number: int, block: bytes, *, end: bool = False) -> None:
        """Send a header block. Nothing happens on a stream that is closed."""
        stream = self._streams.get(number)
        if stream is None or not stream.our_half_open:
            return
        flags, size = (wire.END_STREAM if end else 0), self._peer_frame_size
        first, rest = block[:size], block[size:]
        self._output.append(frame(wire.HEADERS, flags | (0 if rest else wire.END_HEADERS), number, first))
        while rest:
            part, rest = rest[:size], rest[size:]
            self._output.append(frame(wire.CONTINUATION, 0 if rest else wire.END_HEADERS, number, part))
        if end:
            self._end_our_half(number, stream)

    def send_data(self, number: int, data: bytes | memoryview, *, end: bool = False) -> int:
        """Send as much of `data` as there is room for; how many bytes that was. `end` holds once all of it was."""
        stream = self._streams.get(number)
        if stream is None or not stream.our_half_open:
            return len(data)
        total = len(data)
        allowed = max(0, min(total, self._send_room, stream.send_room))
        at = 0
        while at < allowed or (end and total == 0):
            upto = min(at + self._peer_frame_size, allowed)
            is_last = end and upto == total
            self._output.append(frame(wire.DATA, wire.END_STREAM if is_last else 0, number, data[at:upto]))
            at = upto
            if is_last:
                self._end_our_half(number, stream)
                break
        self._send_room -= allowed
        stream.send_room -= allowed
        return allowed

    def room(self, number: int) -> int:
        """How many bytes `send_data` would take now."""
        stream = self._streams.get(number)
        return 0 if stream is None else min(self._send_room, stream.send_room)

    def reset(self, number: int, code: int) -> None:
        """Give a stream up, in both directions."""
        if self._streams.pop(number, None) is not None:
            self._output.append(frame(wire.RST_STREAM, 0, number, wire.NUMBER.pack(code)))

    def go_away(self, code: int) -> None:
        """Say that we take no new streams, and why."""
        self._output.append(frame(wire.GOAWAY, 0, 0, wire.NUMBER.pack(self._last_of_peer) + wire.NUMBER.pack(code)))

    def consumed(self, number: int, size: int) -> None:
        """Let the other side send as many bytes more. Told in steps, not byte by byte."""
        stream = self._streams.get(number)
        if stream is None or not stream.their_half_open:
            return
        stream.unsaid += size
        if stream.unsaid * 2 >= self._window:
            stream.receive_room += stream.unsaid
            self._grant(number, stream.unsaid)
            stream.unsaid = 0

    # What arrives

    def receive(self, data: bytes) -> list[Event]:
        """The events in what has arrived. Raises Http2Error; the reason is in the output then."""
        try:
            return self._receive(data)
        except Http2Error as error:
            self.go_away(error.code)
            raise

    def _receive(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        buffer = self._rest + data if self._rest else data
        at = 0
        if self._preface_left:
            at = self._take_preface(buffer)
        while len(buffer) - at >= wire.HEAD_SIZE:
            high, low, kind, flags, number = wire.HEAD.unpack_from(buffer, at)
            end = at + wire.HEAD_SIZE + (high << 8 | low)
            if end - at - wire.HEAD_SIZE > wire.DEFAULT_FRAME_SIZE:
                raise Http2Error(wire.FRAME_SIZE_ERROR, f"a frame of {high << 8 | low} bytes")
            if end > len(buffer):
                break
            self._take(kind, flags, number & wire.STREAM_MASK, buffer[at + wire.HEAD_SIZE : end], events)
            at = end
        self._rest = buffer[at:]
        return events

    def _take_preface(self, buffer: bytes) -> int:
        size = min(len(buffer), len(self._preface_left))
        if buffer[:size] != self._preface_left[:size]:
            raise Http2Error(wire.PROTOCOL_ERROR, "no HTTP/2 connection preface")
        self._preface_left = self._preface_left[size:]
        return size

    def _take(self, kind: int, flags: int, number: int, payload: bytes, events: list[Event]) -> None:
        if self._block is not None and (kind != wire.CONTINUATION or number != self._block[0]):
            raise Http2Error(wire.PROTOCOL_ERROR, "a frame inside a header block")
        if kind == wire.DATA:
            self._take_data(flags, number, payload, events)
        elif kind == wire.HEADERS:
            self._take_headers(flags, number, payload, events)
        elif kind == wire.CONTINUATION:
            self._take_continuation(flags, payload, events)
        elif kind == wire.WINDOW_UPDATE:
            self._take_room(number, wire.number_of(payload) & wire.STREAM_MASK, events)
        elif kind == wire.SETTINGS:
            self._take_settings(flags, payload, events)
        elif kind == wire.RST_STREAM:
            if self._streams.pop(number, None) is not None:
                events.append(StreamReset(number, wire.number_of(payload)))
        elif kind == wire.PING:
            if not flags & wire.ACK:
                self._output.append(frame(wire.PING, wire.ACK, 0, payload))
        elif kind == wire.GOAWAY:
            last, code = (wire.number_of(payload[i : i + 4]) for i in (0, 4))
            events.append(GoneAway(last & wire.STREAM_MASK, code))
        elif kind == wire.PUSH_PROMISE:
            raise Http2Error(wire.PROTOCOL_ERROR, "a push, which nobody asked for")

    def _take_data(self, flags: int, number: int, payload: bytes, events: list[Event]) -> None:
        size = len(payload)
        self._receive_room -= size
        if self._receive_room < _CONNECTION_ROOM - _CONNECTION_REFILL:
            self._grant(0, _CONNECTION_ROOM - self._receive_room)
            self._receive_room = _CONNECTION_ROOM
        stream = self._streams.get(number)
        if stream is None or not stream.their_half_open:
            self._check_known(number)
            return  # of a stream that we gave up meanwhile
        stream.receive_room -= size
        if stream.receive_room < 0:
            raise Http2Error(wire.FLOW_CONTROL_ERROR, f"more data on stream {number} than its window")
        end = bool(flags & wire.END_STREAM)
        events.append(DataReceived(number, wire.without_padding(flags, payload), size, end=end))
        if end:
            self._end_their_half(number, stream)

    def _take_headers(self, flags: int, number: int, payload: bytes, events: list[Event]) -> None:
        fragment = wire.without_padding(flags, payload)
        if flags & wire.PRIORITY:
            fragment = fragment[5:]
        if flags & wire.END_HEADERS:
            self._take_block(flags, number, fragment, events)
        else:
            self._block = (number, flags, bytearray(fragment))

    def _take_continuation(self, flags: int, payload: bytes, events: list[Event]) -> None:
        if self._block is None:
            raise Http2Error(wire.PROTOCOL_ERROR, "a continuation of nothing")
        number, first_flags, block = self._block
        block += payload
        if len(block) > LONGEST_BLOCK:
            raise Http2Error(wire.ENHANCE_YOUR_CALM, f"a header block of more than {LONGEST_BLOCK} bytes")
        if flags & wire.END_HEADERS:
            self._block = None
            self._take_block(first_flags, number, bytes(block), events)

    def _take_block(self, flags: int, number: int, block: bytes, events: list[Event]) -> None:
        fields = self._fields.decode(block)  # also of streams that we gave up: the tables go on
        stream = self._streams.get(number)
        is_new = False
        if stream is None:
            if self._is_client or number <= self._last_of_peer:
                self._check_known(number)
                return
            if not number % 2:
                raise Http2Error(wire.PROTOCOL_ERROR, f"a client's stream with the number {number}")
            self._last_of_peer = number
            if len(self._streams) >= self._limit:
                self._output.append(frame(wire.RST_STREAM, 0, number, wire.NUMBER.pack(wire.REFUSED_STREAM)))
                return
            stream = self._streams[number] = _Stream(self._peer_window, self._window)
            is_new = True
        elif not stream.their_half_open:
            raise Http2Error(wire.PROTOCOL_ERROR, f"header fields after the end of stream {number}")
        end = bool(flags & wire.END_STREAM)
        events.append(FieldsReceived(number, fields, end=end, is_new=is_new))
        if end:
            self._end_their_half(number, stream)

    def _take_room(self, number: int, size: int, events: list[Event]) -> None:
        if number == 0:
            self._send_room += size
            room = self._send_room
        else:
            stream = self._streams.get(number)
            if stream is None:
                return
            stream.send_room += size
            room = stream.send_room
        if not size or room > wire.LARGEST_WINDOW:
            raise Http2Error(wire.FLOW_CONTROL_ERROR, f"a window of {room} bytes on stream {number}")
        events.append(RoomGranted(number))

    def _take_settings(self, flags: int, payload: bytes, events: list[Event]) -> None:
        if flags & wire.ACK:
            return
        for name, value in wire.settings_of(payload):
            if name == wire.INITIAL_WINDOW_SIZE:
                if value > wire.LARGEST_WINDOW:
                    raise Http2Error(wire.FLOW_CONTROL_ERROR, f"an initial window of {value} bytes")
                for stream in self._streams.values():
                    stream.send_room += value - self._peer_window
                self._peer_window = value
                events.append(RoomGranted(0))
            elif name == wire.MAX_FRAME_SIZE:
                if not wire.DEFAULT_FRAME_SIZE <= value < 1 << 24:
                    raise Http2Error(wire.PROTOCOL_ERROR, f"a largest frame of {value} bytes")
                self._peer_frame_size = value
        self._output.append(frame(wire.SETTINGS, wire.ACK, 0))

    def _check_known(self, number: int) -> None:
        """A stream that is closed is no error: its frames may have been under way."""
        known = number < self._next_stream if self._is_client else number <= self._last_of_peer
        if number == 0 or not known:
            raise Http2Error(wire.PROTOCOL_ERROR, f"a frame of stream {number}, which was never opened")

    def _grant(self, number: int, size: int) -> None:
        self._output.append(frame(wire.WINDOW_UPDATE, 0, number, wire.NUMBER.pack(size)))

    def _end_our_half(self, number: int, stream: _Stream) -> None:
        stream.our_half_open = False
        if not stream.their_half_open:
            self._streams.pop(number, None)

    def _end_their_half(self, number: int, stream: _Stream) -> None:
        stream.their_half_open = False
        if not stream.our_half_open:
            self._streams.pop(number, None)
