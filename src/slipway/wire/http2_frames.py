"""HTTP/2 frames: their numbers and their bytes (RFC 9113 §4, §6, §7)."""

from __future__ import annotations

from struct import Struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD: Final = Struct(">HBBBI")  # length (16 high bits, 8 low bits), type, flags, stream
HEAD_SIZE: Final = HEAD.size
NUMBER: Final = Struct(">I")
SETTING: Final = Struct(">HI")
STREAM_MASK: Final = 0x7FFFFFFF

DATA: Final = 0
HEADERS: Final = 1
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITY: Final = 0x20

MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5

NO_ERROR: Final = 0
PROTOCOL_ERROR: Final = 1
FLOW_CONTROL_ERROR: Final = 3
FRAME_SIZE_ERROR: Final = 6
REFUSED_STREAM: Final = 7
CANCEL: Final = 8
COMPRESSION_ERROR: Final = 9
ENHANCE_YOUR_CALM: Final = 11

DEFAULT_WINDOW: Final = 65_535
LARGEST_WINDOW: Final = 2**31 - 1
DEFAULT_FRAME_SIZE: Final = 16_384
"""The largest payload that a side must take when it has said nothing else; ours says nothing else."""


class Http2Error(Exception):
    """The other side broke the protocol; the connection is of no more use. `code` is for GOAWAY."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def frame(kind: int, flags: int, stream: int, payload: bytes | bytearray | memoryview = b"") -> bytes:
    size = len(payload)
    return HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def settings_frame(settings: dict[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(name, value) for name, value in settings.items()))


def settings_of(payload: bytes) -> list[tuple[int, int]]:
    """Raises Http2Error for a payload that is no list of settings."""
    if len(payload) % SETTING.size:
        raise Http2Error(FRAME_SIZE_ERROR, f"a SETTINGS frame of {len(payload)} bytes")
    return list(SETTING.iter_unpack(payload))


def number_of(payload: bytes) -> int:
    """The one number of WINDOW_UPDATE and RST_STREAM, as 32 bits. Raises Http2Error when it is not alone."""
    if len(payload) != NUMBER.size:
        raise Http2Error(FRAME_SIZE_ERROR, f"a frame of {len(payload)} bytes instead of {NUMBER.size}")
    return int(NUMBER.unpack(payload)[0])


def without_padding(flags: int, payload: bytes) -> bytes:
    """What a DATA or HEADERS frame carries besides padding. Raises Http2Error when there is more padding than frame."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise Http2Error(PROTOCOL_ERROR, "padding longer than its frame")
    return payload[1 : len(payload) - payload[0]]
