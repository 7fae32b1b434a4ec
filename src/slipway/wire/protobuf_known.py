"""The well-known protobuf types that our protocols use: Any, Timestamp, Empty; and maps, which are repeated entries."""

from __future__ import annotations

from slipway.wire.protobuf import Message, blob, sint, text

NANOSECONDS = 1_000_000_000


class Empty(Message):
    """google.protobuf.Empty"""


class Timestamp(Message):
    """google.protobuf.Timestamp"""

    seconds = sint(1)
    nanos = sint(2)


class AnyMessage(Message):
    """google.protobuf.Any. containerd writes `type_url` without "type.googleapis.com/" and may hold JSON in `value`."""

    type_url = text(1)
    value = blob(2)


class TextEntry(Message):
    """One entry of a map<string, string>."""

    key = text(1)
    value = text(2)


def timestamp_from_nanoseconds(nanoseconds: int) -> Timestamp:
    seconds, nanos = divmod(nanoseconds, NANOSECONDS)
    return Timestamp(seconds=seconds, nanos=nanos)


def nanoseconds_from_timestamp(timestamp: Timestamp | None) -> int:
    """Nanoseconds since the epoch; 0 for an absent timestamp and for Go's zero time (year 1)."""
    if timestamp is None or timestamp.seconds < 0:
        return 0
    return timestamp.seconds * NANOSECONDS + timestamp.nanos
