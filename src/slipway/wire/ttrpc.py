"""ttrpc without I/O: bytes in, calls or replies out. Unary calls only, which is all that the shim's services have.

A frame is a header of ten bytes (length, stream, type, flags; big endian) and at most 4 MiB of data. A client numbers
its calls with odd streams, ascending. Source: containerd/ttrpc PROTOCOL.md, version 1.2.
"""

from __future__ import annotations

import struct

from slipway.wire.protobuf import DecodeError, Message, blob, decode, encode, message, messages, sint, text, uint
from slipway.wire.protobuf_known import AnyMessage

HEADER = struct.Struct(">IIBB")
LARGEST_MESSAGE = 4 << 20
REQUEST, RESPONSE, DATA = 1, 2, 3
REMOTE_CLOSED, REMOTE_OPEN, NO_DATA = 1, 2, 4

# google.rpc.Code, as far as this layer itself answers with them.
OK, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 0, 3, 8, 12


class ProtocolError(Exception):
    """The other side does not speak ttrpc; the connection is of no more use."""


class KeyValue(Message):
    key = text(1)
    value = text(2)


class Request(Message):
    service = text(1)
    method = text(2)
    payload = blob(3)
    timeout_nano = sint(4)
    metadata = messages(5, KeyValue)


class Status(Message):
    """google.rpc.Status"""

    code = uint(1)
    message = text(2)
    details = messages(3, AnyMessage)


class Response(Message):
    status = message(1, Status)
    payload = blob(2)


class Call:
    """A request that arrived: answer it once, with `encode_reply` or `encode_failure` of the same stream."""

    __slots__ = ("metadata", "method", "payload", "service", "stream", "timeout")

    def __init__(
        self, stream: int, service: str, method: str, payload: bytes, timeout: float, metadata: dict[str, str]
    ) -> None:
        """`timeout` is in seconds: as long as the caller will wait; 0 for ever."""
        self.stream = stream
        self.service = service
        self.method = method
        self.payload = payload
        self.timeout = timeout
        self.metadata = metadata


class Reply:
    """An answer that arrived: `code` 0 with a payload, or a google.rpc.Code with a sentence."""

    __slots__ = ("code", "message", "payload", "stream")

    def __init__(self, stream: int, code: int, text: str, payload: bytes) -> None:
        self.stream = stream
        self.code = code
        self.message = text
        self.payload = payload


class FrameReader:
    """Cuts a byte stream into frames. One that announces more than 4 MiB arrives as a frame whose data is None."""

    __slots__ = ("_buffer", "_to_skip")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._to_skip = 0

    @property
    def is_empty(self) -> bool:
        return not self._buffer and not self._to_skip

    def receive(self, data: bytes) -> list[tuple[int, int, int, bytes | None]]:
        """(stream, type, flags, data) of each frame that `data` completes."""
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            data = data[skipped:]
        buffer = self._buffer
        buffer += data
        frames: list[tuple[int, int, int, bytes | None]] = []
        while len(buffer) >= HEADER.size:
            length, stream, kind, flags = HEADER.unpack_from(buffer)
            end = HEADER.size + length
            if length > LARGEST_MESSAGE:
                self._to_skip = max(0, end - len(buffer))
                frames.append((stream, kind, flags, None))
            elif len(buffer) < end:
                break
            else:
                frames.append((stream, kind, flags, bytes(buffer[HEADER.size : end])))
            del buffer[:end]
        return frames


class ServerConnection:
    """One accepted connection. `receive` returns what arrived: calls to answer, and bytes to send for bad ones."""

    __slots__ = ("_frames", "last_stream")

    def __init__(self, last_stream: int = -1) -> None:
        """`last_stream` is that of the last call that arrived, when another has served the connection before."""
        self._frames = FrameReader()
        self.last_stream = last_stream

    @property
    def is_between_frames(self) -> bool:
        return self._frames.is_empty

    def receive(self, data: bytes) -> tuple[list[Call], bytes]:
        """Raises ProtocolError when the peer is no ttrpc client."""
        calls: list[Call] = []
        refusals = b""
        for stream, kind, flags, content in self._frames.receive(data):
            if kind == DATA:
                continue  # of a stream that we refused
            if kind != REQUEST or stream % 2 == 0 or stream <= self.last_stream:
                raise ProtocolError(f"frame of type {kind} on stream {stream} after stream {self.last_stream}")
            self.last_stream = stream
            try:
                calls.append(_call(stream, flags, content))
            except _Refused as refused:
                refusals += encode_failure(stream, refused.code, str(refused))
        return calls, refusals


class _Refused(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _call(stream: int, flags: int, content: bytes | None) -> Call:
    if content is None:
        raise _Refused(RESOURCE_EXHAUSTED, f"message is longer than {LARGEST_MESSAGE} bytes")
    if flags & REMOTE_OPEN:
        raise _Refused(UNIMPLEMENTED, "streaming calls are not implemented")
    try:
        request = decode(Request, content)
        metadata = {pair.key: pair.value for pair in request.metadata}
        return Call(stream, request.service, request.method, request.payload, request.timeout_nano / 1e9, metadata)
    except DecodeError as error:
        raise _Refused(INVALID_ARGUMENT, f"decode request: {error}") from None


def encode_reply(stream: int, payload: bytes) -> bytes:
    """The frame that answers a call with success, or with RESOURCE_EXHAUSTED when the payload is too long."""
    data = encode(Response(status=Status(), payload=payload))
    if len(data) > LARGEST_MESSAGE:
        return encode_failure(stream, RESOURCE_EXHAUSTED, f"response is longer than {LARGEST_MESSAGE} bytes")
    return HEADER.pack(len(data), stream, RESPONSE, 0) + data


def encode_failure(stream: int, code: int, text: str) -> bytes:
    data = encode(Response(status=Status(code=code, message=text)))
    return HEADER.pack(len(data), stream, RESPONSE, 0) + data


class ClientConnection:
    """The calling side of one connection: numbers the calls and reads the replies."""

    __slots__ = ("_frames", "_next_stream")

    def __init__(self) -> None:
        self._frames = FrameReader()
        self._next_stream = 1

    def call(self, service: str, method: str, payload: bytes, *, timeout: float = 0) -> tuple[int, bytes]:
        """(stream of the reply, bytes to send). `timeout` in seconds is told to the server; 0 means none."""
        stream = self._next_stream
        request = Request(service=service, method=method, payload=payload, timeout_nano=int(timeout * 1e9))
        data = encode(request)
        if len(data) > LARGEST_MESSAGE:
            raise ProtocolError(f"request {method} is longer than {LARGEST_MESSAGE} bytes")
        self._next_stream += 2
        return stream, HEADER.pack(len(data), stream, REQUEST, 0) + data

    def receive(self, data: bytes) -> list[Reply]:
        """Raises ProtocolError when the peer is no ttrpc server."""
        replies = []
        for stream, kind, _flags, content in self._frames.receive(data):
            if kind != RESPONSE:
                raise ProtocolError(f"frame of type {kind} on stream {stream}: expected a response")
            replies.append(_reply(stream, content))
        return replies


def _reply(stream: int, content: bytes | None) -> Reply:
    if content is None:
        return Reply(stream, RESOURCE_EXHAUSTED, f"message is longer than {LARGEST_MESSAGE} bytes", b"")
    try:
        response = decode(Response, content)
    except DecodeError as error:
        raise ProtocolError(f"decode response: {error}") from error
    status = response.status
    return Reply(stream, status.code if status else OK, status.message if status else "", response.payload)
