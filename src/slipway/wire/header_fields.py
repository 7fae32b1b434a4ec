"""Header fields as HTTP/2 packs them (HPACK, RFC 7541). Ours never touch the other side's table.

What never changes the table decodes to the same fields each time, so both ends pay for a block once: the bytes of a
block find its fields in a dictionary, for as long as the table stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hpack import Decoder
from hpack.exceptions import HPACKError

from slipway.wire.http2_frames import COMPRESSION_ERROR, Http2Error

REMEMBERED: Final = 512
_PREFIX: Final = 0x7F


def encode_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """A block of literals that enter no table (RFC 7541 §6.2.2), not Huffman coded: short to make, quick to read."""
    parts: list[bytes] = []
    for name, value in fields:
        parts += (b"\0", _string(name), _string(value))
    return b"".join(parts)


def _string(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    size = len(data)
    if size < _PREFIX:
        return bytes((size,)) + data
    rest, digits = size - _PREFIX, bytearray((_PREFIX,))  # an integer in a prefix of seven bits, RFC 7541 §5.1
    while rest >= 0x80:
        digits.append(0x80 | rest & 0x7F)
        rest >>= 7
    digits.append(rest)
    return bytes(digits) + data


class FieldDecoder:
    """The fields of each block that arrives on one connection, in order."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._remembered: dict[bytes, Mapping[str, str]] = {}

    def decode(self, block: bytes) -> Mapping[str, str]:
        """The last of equal names counts. The mapping is shared: not to be changed. Raises Http2Error."""
        fields = self._remembered.get(block)
        if fields is not None:
            return fields
        table = self._decoder.header_table
        before = (table.maxsize, len(table.dynamic_entries), _front(table.dynamic_entries))
        try:
            pairs = self._decoder.decode(block, raw=True)
        except HPACKError as error:
            raise Http2Error(COMPRESSION_ERROR, f"malformed header block: {error}") from error
        fields = {bytes(name).decode("latin-1"): bytes(value).decode("utf-8", "replace") for name, value in pairs}
        # Every new entry is an object of its own, at the front.
        size, count, front = before
        is_as_before = table.maxsize == size and len(table.dynamic_entries) == count
        if not is_as_before or _front(table.dynamic_entries) is not front or len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        else:
            self._remembered[block] = fields
        return fields


def _front(entries: Sequence[object]) -> object:
    return entries[0] if entries else None
