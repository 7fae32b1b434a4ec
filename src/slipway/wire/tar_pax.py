"""PAX extended headers without I/O: records `LENGTH KEY=VALUE\\n`, what they change in a header, and back."""

from collections.abc import Mapping
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.wire.tar import KINDS_WITH_DATA, NANOSECONDS, Header, shown

XATTR: Final = b"SCHILY.xattr."
_DIGITS: Final = b"0123456789"
_LONGEST_LENGTH: Final = 10
_FRACTION_DIGITS: Final = 9


def decode_records(data: bytes) -> dict[bytes, bytes]:
    """The records of one extended header; a later one of the same key wins. Raises InvalidArgument."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        blank = data.find(b" ", at, at + _LONGEST_LENGTH + 1)
        end = at + _whole(data[at:blank], "record length") if blank > at else 0
        if end <= blank + 1 or end > len(data) or data[end - 1] != 0x0A:
            raise InvalidArgument("malformed tar: an extended header's record has a wrong length")
        key, equals, value = data[blank + 1 : end - 1].partition(b"=")
        if not equals or not key or b"\0" in key:
            raise InvalidArgument("malformed tar: an extended header's record has no key")
        records[key] = value
        at = end
    return records


def encode_records(records: Mapping[bytes, bytes]) -> bytes:
    """The inverse of `decode_records`, in the order of the keys' bytes."""
    return b"".join(_record(key, records[key]) for key in sorted(records))


def apply_records(header: Header, records: Mapping[bytes, bytes]) -> None:
    """Let an extended header's records replace what the block says. Unknown keys are passed over."""
    xattrs = {}
    for key, value in records.items():
        if key.startswith(XATTR):
            xattrs[key[len(XATTR) :]] = value
        elif key == b"path":
            header.name = _name(value)
        elif key == b"linkpath":
            header.link = _name(value)
        elif key == b"size":
            size = _whole(value, "size")
            header.size = header.real_size = size if header.kind in KINDS_WITH_DATA else 0
        elif key == b"uid":
            header.uid = _whole(value, "uid")
        elif key == b"gid":
            header.gid = _whole(value, "gid")
        elif key == b"mtime":
            header.mtime = _time(value)
    if xattrs:
        header.xattrs = xattrs


def _record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    # The length counts its own digits.
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def _whole(text: bytes, what: str) -> int:
    if not text or len(text) > 19 or text.translate(None, _DIGITS):
        raise InvalidArgument(f"malformed tar: {what} {text[:40]!a} is no whole number")
    return int(text)


def _name(value: bytes) -> bytes:
    if b"\0" in value:
        raise InvalidArgument(f"malformed tar: the name {shown(value)} holds a zero byte")
    return value


def _time(text: bytes) -> int:
    """Seconds with a fraction to nanoseconds; more digits than nine are cut off."""
    negative = text.startswith(b"-")
    seconds, _, fraction = text.removeprefix(b"-").partition(b".")
    digits = fraction[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, b"0")
    if fraction.translate(None, _DIGITS):
        raise InvalidArgument(f"malformed tar: {text[:40]!a} is no time")
    value = _whole(seconds, "time") * NANOSECONDS + _whole(digits, "time")
    return -value if negative else value
