"""tar headers made, without I/O: ustar where everything fits, a PAX extended header before it where not."""

from typing import Final

from slipway.wire.tar import BLOCK, DIRECTORY, NANOSECONDS, PAX, REGULAR, Header, padding
from slipway.wire.tar_pax import XATTR, encode_records

END: Final = bytes(2 * BLOCK)
_NAME: Final = 100
_PREFIX: Final = 155
_OCTAL_7: Final = 0o7777777
_OCTAL_11: Final = 0o77777777777


def encode_header(header: Header) -> bytes:
    """All blocks that precede the data of an entry: equal headers give equal bytes. Times are cut to whole seconds."""
    name = header.name + b"/" if header.kind == DIRECTORY and not header.name.endswith(b"/") else header.name
    records: dict[bytes, bytes] = {XATTR + key: value for key, value in header.xattrs.items()}
    prefix, short = _split(name)
    if short is None or not name.isascii():
        records[b"path"] = name
        prefix, short = b"", (short or name)[:_NAME]
    if len(header.link) > _NAME or not header.link.isascii():
        records[b"linkpath"] = header.link
    seconds = header.mtime // NANOSECONDS
    for key, value, limit in (
        (b"size", header.size, _OCTAL_11),
        (b"uid", header.uid, _OCTAL_7),
        (b"gid", header.gid, _OCTAL_7),
        (b"mtime", seconds, _OCTAL_11),
    ):
        if not 0 <= value <= limit:
            records[key] = str(value).encode()
    block = _block(header, short, prefix, max(seconds, 0))
    return _extended(name, records) + block if records else block


def _extended(name: bytes, records: dict[bytes, bytes]) -> bytes:
    data = encode_records(records)
    header = Header(b"PaxHeaders.0/" + name.rstrip(b"/").rpartition(b"/")[2][: _NAME - 13], PAX)
    header.mode, header.size = 0o644, len(data)
    return _block(header, header.name, b"", 0) + data + bytes(padding(len(data)))


def _block(header: Header, name: bytes, prefix: bytes, seconds: int) -> bytes:
    fields = (
        name.ljust(_NAME, b"\0"),
        _octal(header.mode, 8),
        _octal(header.uid if header.uid <= _OCTAL_7 else 0, 8),
        _octal(header.gid if header.gid <= _OCTAL_7 else 0, 8),
        _octal(header.size if header.size <= _OCTAL_11 else 0, 12),
        _octal(seconds if seconds <= _OCTAL_11 else 0, 12),
        b" " * 8,
        header.kind or REGULAR,
        header.link[:_NAME].ljust(_NAME, b"\0"),
        b"ustar\x0000",
        bytes(64),
        _octal(header.major, 8),
        _octal(header.minor, 8),
        prefix.ljust(_PREFIX, b"\0"),
    )
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _split(name: bytes) -> tuple[bytes, bytes | None]:
    """ustar's two parts of a name, cut at a slash; no second part when it fits neither way."""
    if len(name) <= _NAME:
        return b"", name
    cut = name.find(b"/", len(name) - _NAME - 1)
    if 0 < cut <= _PREFIX and len(name) - cut - 1 > 0:
        return name[:cut], name[cut + 1 :]
    return b"", None


def _octal(value: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, value)
