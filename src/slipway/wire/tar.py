"""tar headers without I/O: one 512-byte block in, a header out, and back. V7, ustar, GNU and PAX.

Names are bytes, as the kernel's are. Times are nanoseconds since the epoch, sizes bytes.
Source: POSIX pax (ustar interchange format); GNU tar manual, "Basic Tar Format".
"""

from collections.abc import Mapping
from typing import Final

from slipway.base.errors import InvalidArgument

BLOCK: Final = 512
ZERO_BLOCK: Final = bytes(BLOCK)
NANOSECONDS: Final = 1_000_000_000

REGULAR: Final = b"0"
HARD_LINK: Final = b"1"
SYMBOLIC_LINK: Final = b"2"
CHARACTER_DEVICE: Final = b"3"
BLOCK_DEVICE: Final = b"4"
DIRECTORY: Final = b"5"
FIFO: Final = b"6"
CONTIGUOUS: Final = b"7"
PAX: Final = b"x"
PAX_GLOBAL: Final = b"g"
GNU_SPARSE: Final = b"S"
GNU_LONG_NAME: Final = b"L"
GNU_LONG_LINK: Final = b"K"
_OLD_REGULAR: Final = b"\0"

# Only these are followed by data; the size of others is ignored, as Go's archive/tar does.
KINDS_WITH_DATA: Final = frozenset((REGULAR, CONTIGUOUS, GNU_SPARSE, PAX, PAX_GLOBAL, GNU_LONG_NAME, GNU_LONG_LINK))
_USTAR: Final = b"ustar\x00"
_OCTAL: Final = b"01234567"
_SIZE_LIMIT: Final = 1 << 62


class Header:
    """One entry. `xattrs` maps names to values; `segments` are the (offset, length) pairs of data in a sparse file.

    `size` is what follows in the archive; `real_size` what the file has (they differ for sparse files only).
    """

    __slots__ = (
        "gid",
        "kind",
        "link",
        "major",
        "minor",
        "mode",
        "mtime",
        "name",
        "real_size",
        "segments",
        "size",
        "uid",
        "xattrs",
    )

    def __init__(self, name: bytes, kind: bytes = REGULAR) -> None:
        self.name = name
        self.kind = kind
        self.link = b""
        self.mode = 0
        self.uid = 0
        self.gid = 0
        self.size = 0
        self.mtime = 0
        self.major = 0
        self.minor = 0
        self.real_size = 0
        self.segments: list[tuple[int, int]] | None = None
        self.xattrs: Mapping[bytes, bytes] = {}


def decode_header(block: bytes) -> Header:
    """Read a header block that is not all zero. Raises InvalidArgument for a wrong checksum or a field out of shape."""
    _check_sum(block)
    header = Header(_text(block[:100]), block[156:157])
    header.mode = _number(block[100:108]) & 0o7777
    header.uid = _number(block[108:116])
    header.gid = _number(block[116:124])
    header.size = _number(block[124:136])
    header.mtime = _number(block[136:148]) * NANOSECONDS
    header.link = _text(block[157:257])
    magic = block[257:263]
    if magic[:5] == b"ustar":
        header.major = _number(block[329:337])
        header.minor = _number(block[337:345])
        if magic == _USTAR and block[345] and block[508:512] != b"tar\x00":
            header.name = _text(block[345:500]) + b"/" + header.name
    if header.kind == _OLD_REGULAR:
        # Before POSIX a directory was told by its slash alone.
        header.kind = DIRECTORY if header.name.endswith(b"/") else REGULAR
    if not 0 <= header.size < _SIZE_LIMIT:
        raise InvalidArgument(f"malformed tar: entry {shown(header.name)} has an impossible size")
    if header.kind not in KINDS_WITH_DATA:
        header.size = 0
    header.real_size = header.size
    return header


def padding(size: int) -> int:
    """Bytes from the end of `size` bytes of data to the next block."""
    return -size % BLOCK


def shown(name: bytes) -> str:
    """A name as an error message may carry it: printable, and not longer than a line."""
    return ascii(name[:120].decode("utf-8", "replace"))


def number_from_field(field: bytes) -> int:
    """Octal text, or base-256 where the first bit is set. Raises InvalidArgument."""
    return _number(field)


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        # The second bit is the sign of a two's complement number (GNU).
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    if digits.translate(None, _OCTAL):
        raise InvalidArgument("malformed tar: invalid tar header: a number is not octal", "is it a tar archive at all?")
    return int(digits, 8)


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _check_sum(block: bytes) -> None:
    said = _number(block[148:156])
    rest = block[:148] + block[156:]
    if said == sum(rest) + 8 * 32:
        return
    # Some old tars summed signed characters: each byte from 128 on counts 256 less.
    if said != sum(rest) + 8 * 32 - 256 * sum(byte > 127 for byte in rest):
        raise InvalidArgument("malformed tar: invalid tar header: its checksum is wrong")
