"""Sparse files in tar without I/O: GNU's old format and the three of PAX (0.0, 0.1, 1.0).

Source: GNU tar manual, "Storing Sparse Files".
"""

from collections.abc import Mapping, Sequence
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.wire.tar import Header, number_from_field, shown

SEGMENT_LIMIT: Final = 1 << 16
_OLD_FIRST: Final = 386
_OLD_IN_HEADER: Final = 4
_OLD_IN_EXTENSION: Final = 21
_PAIR: Final = 24


def segments_from_block(block: bytes, *, extension: bool) -> tuple[list[tuple[int, int]], bool]:
    """The pairs of an old GNU header or extension block, and whether another extension block follows."""
    first, count = (0, _OLD_IN_EXTENSION) if extension else (_OLD_FIRST, _OLD_IN_HEADER)
    segments = []
    for at in range(first, first + count * _PAIR, _PAIR):
        if not block[at]:
            break
        segments.append((number_from_field(block[at : at + 12]), number_from_field(block[at + 12 : at + 24])))
    return segments, bool(block[first + count * _PAIR])


def real_size_from_block(block: bytes) -> int:
    """The size of the whole file in an old GNU sparse header."""
    return number_from_field(block[483:495])


def is_map_in_data(records: Mapping[bytes, bytes]) -> bool:
    """PAX 1.0 keeps the map before the data."""
    return records.get(b"GNU.sparse.major") == b"1" and records.get(b"GNU.sparse.minor") == b"0"


def segments_from_records(records: Mapping[bytes, bytes]) -> list[tuple[int, int]] | None:
    """The map of PAX 0.1, None where there is none.

    0.0 repeats its keys, which makes it indistinguishable after decoding: refused.
    """
    if b"GNU.sparse.map" in records:
        numbers = [_number(text) for text in records[b"GNU.sparse.map"].split(b",") if text]
        return _pairs(numbers)
    if b"GNU.sparse.offset" in records:
        raise InvalidArgument("malformed tar: sparse format 0.0 is not supported (hint: make the archive anew)")
    return None


def apply_names(header: Header, records: Mapping[bytes, bytes]) -> None:
    """The name and size of the real file: the block's own are a stand-in for tars that know no sparse files."""
    header.name = records.get(b"GNU.sparse.name", header.name)
    size = records.get(b"GNU.sparse.realsize") or records.get(b"GNU.sparse.size")
    if size is not None:
        header.real_size = _number(size)


def count_from_line(line: bytes) -> int:
    """The number of pairs in a map of PAX 1.0: its first line."""
    count = _number(line)
    if count > SEGMENT_LIMIT:
        raise InvalidArgument(f"malformed tar: a sparse map of {count} segments")
    return count


def pairs_from_lines(lines: Sequence[bytes]) -> list[tuple[int, int]]:
    """The map of PAX 1.0, without its first line."""
    return _pairs([_number(line) for line in lines])


def check_segments(header: Header) -> None:
    """Raises InvalidArgument unless segments are in order, within the file, and as long as the data that follows."""
    position = total = 0
    for offset, length in header.segments or ():
        if offset < position or length < 0 or offset + length > header.real_size:
            raise InvalidArgument(f"malformed tar: the sparse map of {shown(header.name)} is out of order")
        position = offset + length
        total += length
    if header.segments is not None and total != header.size:
        raise InvalidArgument(f"malformed tar: the sparse map of {shown(header.name)} does not fit its data")


def _pairs(numbers: list[int]) -> list[tuple[int, int]]:
    if len(numbers) % 2 or len(numbers) > 2 * SEGMENT_LIMIT:
        raise InvalidArgument("malformed tar: a sparse map has an odd or too large number of values")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _number(text: bytes) -> int:
    if not text or len(text) > 19 or text.translate(None, b"0123456789"):
        raise InvalidArgument(f"malformed tar: {text[:40]!a} in a sparse map is no number")
    return int(text)
