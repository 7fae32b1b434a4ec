"""A tar read once, from front to end: entries with long names, attributes and sparse maps already in place."""

from collections.abc import Callable, Iterator
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.wire import tar, tar_pax, tar_sparse

# Extended headers and long names are held in memory: Go's bound.
EXTENDED_LIMIT: Final = 1 << 20

NextChunk = Callable[[], bytes]
"""Gives the next bytes of a stream, of any length but 0; b"" at its end."""


class TarReader:
    """Entries of one stream. Between two of them `data` gives the content of the last; what is not taken is skipped."""

    __slots__ = ("_at", "_chunk", "_left", "_next_chunk", "_padding", "_size", "_view")

    def __init__(self, next_chunk: NextChunk) -> None:
        self._next_chunk = next_chunk
        self._chunk = b""
        self._view = memoryview(b"")
        self._at = 0
        self._left = 0
        self._padding = 0
        self._size = 0

    def entries(self) -> Iterator[tar.Header]:
        """Raises InvalidArgument for what is no tar, or ends in the middle of an entry."""
        while (header := self._next_entry()) is not None:
            yield header

    def data(self) -> Iterator[memoryview]:
        """The rest of the current entry's content, piece by piece. A piece is valid until the next."""
        while self._left:
            available = len(self._chunk) - self._at
            if not available:
                self._refill()
                continue
            length = min(available, self._left)
            piece = self._view[self._at : self._at + length]
            self._at += length
            self._left -= length
            yield piece

    def read_all(self, limit: int) -> bytes:
        """The current entry's content in one piece. Raises InvalidArgument above `limit` bytes."""
        if self._left > limit:
            raise InvalidArgument(f"malformed tar: an entry of {self._left} bytes where at most {limit} are taken")
        return b"".join(bytes(piece) for piece in self.data())

    def drain(self) -> int:
        """Read what follows the end of the archive, which a digest covers too; returns the stream's size in bytes."""
        while self._more():
            pass
        return self._size

    def _next_entry(self) -> tar.Header | None:
        records: dict[bytes, bytes] = {}
        long_name = long_link = b""
        while True:
            self._skip()
            block = self._block()
            if block is None:
                return None
            header = tar.decode_header(block)
            self._open(header.size)
            if header.kind == tar.PAX:
                records = tar_pax.decode_records(self.read_all(EXTENDED_LIMIT))
            elif header.kind == tar.GNU_LONG_NAME:
                long_name = self.read_all(EXTENDED_LIMIT).partition(b"\0")[0]
            elif header.kind == tar.GNU_LONG_LINK:
                long_link = self.read_all(EXTENDED_LIMIT).partition(b"\0")[0]
            elif header.kind != tar.PAX_GLOBAL:
                header.name = long_name or header.name
                header.link = long_link or header.link
                return self._finished(header, block, records)

    def _finished(self, header: tar.Header, block: bytes, records: dict[bytes, bytes]) -> tar.Header:
        if records:
            tar_pax.apply_records(header, records)
            self._open(header.size)
        if header.kind == tar.GNU_SPARSE:
            self._read_old_sparse(header, block)
        elif records and header.kind == tar.REGULAR:
            self._read_pax_sparse(header, records)
        if header.kind in (tar.CONTIGUOUS, tar.GNU_SPARSE):
            header.kind = tar.REGULAR
        return header

    def _read_old_sparse(self, header: tar.Header, block: bytes) -> None:
        header.real_size = tar_sparse.real_size_from_block(block)
        segments, more = tar_sparse.segments_from_block(block, extension=False)
        while more and len(segments) <= tar_sparse.SEGMENT_LIMIT:
            following, more = tar_sparse.segments_from_block(self._take(tar.BLOCK), extension=True)
            segments += following
        header.segments = segments
        tar_sparse.check_segments(header)

    def _read_pax_sparse(self, header: tar.Header, records: dict[bytes, bytes]) -> None:
        segments = tar_sparse.segments_from_records(records)
        if tar_sparse.is_map_in_data(records):
            segments = self._read_map()
            header.size = self._left
        if segments is not None:
            header.segments = segments
            tar_sparse.apply_names(header, records)
            tar_sparse.check_segments(header)

    def _read_map(self) -> list[tuple[int, int]]:
        """PAX 1.0: decimal lines at the front of the data, filled up to whole blocks."""
        text = b""
        count = -1
        while count < 0 or text.count(b"\n") <= 2 * count:
            if self._left < tar.BLOCK or len(text) > EXTENDED_LIMIT:
                raise InvalidArgument("malformed tar: a sparse map does not end")
            text += self._take(tar.BLOCK)
            self._left -= tar.BLOCK
            if count < 0 and b"\n" in text:
                count = tar_sparse.count_from_line(text.partition(b"\n")[0])
        return tar_sparse.pairs_from_lines(text.split(b"\n")[1 : 1 + 2 * count])

    def _open(self, size: int) -> None:
        self._left = size
        self._padding = tar.padding(size)

    def _skip(self) -> None:
        """Pass over what is left of the current entry, and its padding."""
        self._left += self._padding
        self._padding = 0
        while self._left:
            available = len(self._chunk) - self._at
            if not available:
                self._refill()
                continue
            length = min(available, self._left)
            self._at += length
            self._left -= length

    def _block(self) -> bytes | None:
        """The next header block; None at the end: two zero blocks, or the stream's end between two entries."""
        if self._at == len(self._chunk) and not self._more():
            return None
        block = self._take(tar.BLOCK)
        if block != tar.ZERO_BLOCK:
            return block
        if self._at == len(self._chunk) and not self._more():
            return None
        if self._take(tar.BLOCK) != tar.ZERO_BLOCK:
            raise InvalidArgument("malformed tar: a lone zero block between entries")
        return None

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end <= len(self._chunk):
            taken = self._chunk[self._at : end]
            self._at = end
            return taken
        parts = [self._chunk[self._at :]]
        missing = length - len(parts[0])
        while missing:
            self._refill()
            parts.append(self._chunk[:missing])
            self._at = len(parts[-1])
            missing -= self._at
        return b"".join(parts)

    def _refill(self) -> None:
        if not self._more():
            raise InvalidArgument("malformed tar: unexpected EOF in the middle of an entry")

    def _more(self) -> bool:
        self._chunk = self._next_chunk()
        self._view = memoryview(self._chunk)
        self._at = 0
        self._size += len(self._chunk)
        return bool(self._chunk)
