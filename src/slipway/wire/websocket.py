"""The server's side of WebSocket without I/O (RFC 6455): bytes in, pieces of messages and control frames out.

    request ─▶ handshake() ─▶ 101 ─▶ bytes ─▶ WebSocket.feed() ─▶ Data | Ping | Pong | Closed | Broken

The payload of a message is handed on as it comes, so that nothing needs to be bounded but control frames: a message is
a stretch of a stream here, and its sender is slowed down by not reading on. Text is not checked to be UTF-8, as the
original does not: it is what a person types into a program, and programs take any bytes.
"""

import base64
import hashlib
from collections.abc import Mapping
from struct import Struct
from typing import Final, NamedTuple

_KEY_SUFFIX: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_SHORT: Final = Struct(">H")
_LONG: Final = Struct(">Q")

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

_FIN: Final = 0x80
_RESERVED_BITS: Final = 0x70
_MASKED: Final = 0x80
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127
_LARGEST_CONTROL: Final = 125  # RFC 6455 §5.5
_MASK_SIZE: Final = 4

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
NO_CODE: Final = 1005  # never on the wire: a close frame without one
INVALID_TEXT: Final = 1007
INTERNAL_ERROR: Final = 1011


class HandshakeError(Exception):
    """The request is no opening handshake; `headers` belong into the answer (status 400)."""

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})


class Data(NamedTuple):
    """A piece of a message; `ends` is true for its last one, which may be empty."""

    payload: bytes
    ends: bool


class Ping(NamedTuple):
    """To be answered by `pong_frame` with the same payload."""

    payload: bytes


class Pong(NamedTuple):
    """Nobody asked for it, or somebody did: nothing follows."""

    payload: bytes


class Closed(NamedTuple):
    """The client sends no more; to be answered by a close frame. `code` is NO_CODE where it gave none."""

    code: int
    reason: str


class Broken(NamedTuple):
    """The client broke the protocol: the connection ends with a close frame of this code and reason."""

    code: int
    reason: str


Event = Data | Ping | Pong | Closed | Broken


class _Malformed(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def handshake(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of the answer (101) to a GET with `headers`, named in lower case. Raises HandshakeError.

    Of the protocols that a client offers the first is taken: browsers give up where none is.
    """
    upgrades = [word.strip().lower() for word in headers.get("upgrade", "").split(",")]
    options = [word.strip().lower() for word in headers.get("connection", "").split(",")]
    if "websocket" not in upgrades or "upgrade" not in options:
        raise HandshakeError("not a websocket handshake: no upgrade to websocket is asked for")
    if headers.get("sec-websocket-version", "").strip() != "13":
        raise HandshakeError("websocket handshake: only version 13 is spoken", {"Sec-WebSocket-Version": "13"})
    key = headers.get("sec-websocket-key", "").strip()
    if not key:
        raise HandshakeError("websocket handshake: Sec-WebSocket-Key is missing")
    answer = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accepted_key(key)}
    if protocol := headers.get("sec-websocket-protocol", "").partition(",")[0].strip():
        answer["Sec-WebSocket-Protocol"] = protocol
    return answer


def accepted_key(key: str) -> str:
    """What proves that the server has read the client's key as that of a WebSocket (RFC 6455 §4.2.2)."""
    digest = hashlib.sha1(key.encode("latin-1", "replace") + _KEY_SUFFIX, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def data_frame(payload: bytes, *, text: bool = False) -> bytes:
    """A whole message in one frame."""
    return _frame(TEXT if text else BINARY, payload)


def pong_frame(payload: bytes) -> bytes:
    return _frame(PONG, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """`reason` is cut to what fits. With NO_CODE the frame is empty, as the one that it answers."""
    if code == NO_CODE:
        return _frame(CLOSE, b"")
    cut = reason.encode("utf-8", "replace")[: _LARGEST_CONTROL - _SHORT.size].decode("utf-8", "ignore")
    return _frame(CLOSE, _SHORT.pack(code) + cut.encode())


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < _LENGTH_16:
        return bytes((_FIN | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((_FIN | opcode, _LENGTH_16)) + _SHORT.pack(size) + payload
    return bytes((_FIN | opcode, _LENGTH_64)) + _LONG.pack(size) + payload


class _Head(NamedTuple):
    """What stands before a frame's payload; `size` is its own."""

    opcode: int
    is_final: bool
    mask: bytes
    length: int
    size: int


class WebSocket:
    """What a client sends after the handshake, out of bytes in whatever pieces. Holds less than one control frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: _Head | None = None  # of a data frame whose payload is arriving
        self._taken = 0  # of that payload
        self._is_fragmented = False  # between the first and the last frame of a message
        self._is_over = False

    def feed(self, data: bytes) -> list[Event]:
        """What is complete by now. Nothing follows Closed and Broken, whatever else is fed."""
        events: list[Event] = []
        if not self._is_over:
            self._buffer += data
        while not self._is_over and (event := self._next_or_broken()) is not None:
            events.append(event)
        if self._is_over:
            self._buffer.clear()
        return events

    def _next_or_broken(self) -> Event | None:
        try:
            return self._next()
        except _Malformed as error:
            self._is_over = True
            return Broken(error.code, str(error))

    def _next(self) -> Event | None:
        if self._head is not None:
            return self._piece(self._head) if self._buffer else None
        head = _head(self._buffer)
        if head is None:
            return None
        if head.opcode >= CLOSE:
            return self._control(head)
        if self._is_fragmented != (head.opcode == CONTINUATION):
            what = "a new message begins within another" if self._is_fragmented else "a message begins as continued"
            raise _Malformed(PROTOCOL_ERROR, what)
        del self._buffer[: head.size]
        self._head, self._taken = head, 0
        self._is_fragmented = not head.is_final
        return self._piece(head)

    def _piece(self, head: _Head) -> Event | None:
        """As much of the payload as is here."""
        piece = self._buffer[: head.length - self._taken]
        if not piece and head.length:
            return None
        del self._buffer[: len(piece)]
        payload = _unmasked(piece, head.mask, self._taken)
        self._taken += len(piece)
        is_whole = self._taken == head.length
        if is_whole:
            self._head = None
        return Data(payload, is_whole and head.is_final)

    def _control(self, head: _Head) -> Event | None:
        end = head.size + head.length
        if len(self._buffer) < end:
            return None
        payload = _unmasked(self._buffer[head.size : end], head.mask, 0)
        del self._buffer[:end]
        if head.opcode == PING:
            return Ping(payload)
        if head.opcode == PONG:
            return Pong(payload)
        self._is_over = True
        return _closed(payload)


def _head(buffer: bytearray) -> _Head | None:
    """None while it is not all there; but what is wrong is told by the first bytes that show it."""
    if len(buffer) < 2:
        return None
    first, second = buffer[0], buffer[1]
    opcode, length = first & 0x0F, second & 0x7F
    _check_head(first, second)
    size = 2 + {_LENGTH_16: _SHORT.size, _LENGTH_64: _LONG.size}.get(length, 0) + _MASK_SIZE
    if len(buffer) < size:
        return None
    if length >= _LENGTH_16:
        length = _extended_length(buffer, length)
    return _Head(opcode, bool(first & _FIN), bytes(buffer[size - _MASK_SIZE : size]), length, size)


def _check_head(first: int, second: int) -> None:
    opcode = first & 0x0F
    if first & _RESERVED_BITS:
        raise _Malformed(PROTOCOL_ERROR, "reserved bits are set, and no extension was agreed on")
    if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        raise _Malformed(PROTOCOL_ERROR, f"frames of kind {opcode} are reserved")
    if not second & _MASKED:
        raise _Malformed(PROTOCOL_ERROR, "a client's frame is not masked")
    if opcode >= CLOSE and not first & _FIN:
        raise _Malformed(PROTOCOL_ERROR, "a control frame is fragmented")
    if opcode >= CLOSE and second & 0x7F > _LARGEST_CONTROL:
        raise _Malformed(PROTOCOL_ERROR, f"a control frame has more than {_LARGEST_CONTROL} bytes")


def _extended_length(buffer: bytearray, kind: int) -> int:
    """The least number of bytes must be used, and the highest bit of eight must be 0 (RFC 6455 §5.2)."""
    if kind == _LENGTH_16:
        (length,) = _SHORT.unpack_from(buffer, 2)
        is_least = length >= _LENGTH_16
    else:
        (length,) = _LONG.unpack_from(buffer, 2)
        is_least = 1 << 16 <= length < 1 << 63
    if not is_least:
        raise _Malformed(PROTOCOL_ERROR, "a frame's length is malformed")
    return int(length)


def _unmasked(payload: bytearray, mask: bytes, offset: int) -> bytes:
    """`payload` begins `offset` bytes into its frame. As one number: a loop over bytes is a hundred times slower."""
    size = len(payload)
    turned = mask[offset % _MASK_SIZE :] + mask[: offset % _MASK_SIZE]
    key = (turned * (size // _MASK_SIZE + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)


def _closed(payload: bytes) -> Closed:
    if not payload:
        return Closed(NO_CODE, "")
    if len(payload) < _SHORT.size:
        raise _Malformed(PROTOCOL_ERROR, "a close frame has one byte")
    (code,) = _SHORT.unpack_from(payload)
    if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise _Malformed(PROTOCOL_ERROR, f"a close frame has the code {code}")
    try:
        return Closed(code, payload[_SHORT.size :].decode("utf-8"))
    except UnicodeDecodeError:
        raise _Malformed(INVALID_TEXT, "the reason of a close frame is not UTF-8") from None
