"""Compressed streams as plain ones: gzip by isal, zstd by zstandard, bzip2 and xz by Python's own modules. Which one it
is, the first bytes tell."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import zstandard
from isal import isal_zlib

from slipway.base.errors import InvalidArgument

NextChunk = Callable[[], bytes]

GZIP: Final = "gzip"
ZSTD: Final = "zstd"
NONE: Final = "none"
BZIP2: Final = "bzip2"
XZ: Final = "xz"
_MAGIC: Final = (
    (b"\xfd7zXZ\x00", XZ),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"BZh", BZIP2),
    (b"\x1f\x8b\x08", GZIP),
)
_LONGEST_MAGIC: Final = max(len(magic) for magic, _ in _MAGIC)
_GZIP_WINDOW: Final = 31  # 32 KiB window with a gzip header (zlib manual, inflateInit2)
_ZSTD_WINDOW: Final = 1 << 27  # the bound of the zstd command line: more memory would be the archive's choice
_PIECE: Final = 1 << 20
_XZ_MEMORY: Final = 1 << 27  # `xz -9` needs 65 MiB: more would be the archive's choice


def compression_of(first: bytes) -> str:
    """gzip, zstd, bzip2, xz, or none, by the first bytes of a stream."""
    for magic, name in _MAGIC:
        if first.startswith(magic):
            return name
    # A frame that zstd's readers skip may stand first.
    if first[1:4] == b"\x2a\x4d\x18" and first[0] & 0xF0 == 0x50:
        return ZSTD
    return NONE


def plain_chunks(next_chunk: NextChunk) -> Iterator[bytes]:
    """The content of a stream that may be compressed, in pieces of bounded size.

    Raises InvalidArgument for a damaged or cut-off stream.
    """
    first = next_chunk()
    while 0 < len(first) < _LONGEST_MAGIC and (more := next_chunk()):  # a pipe may give them one by one
        first += more
    kind = compression_of(first)
    if kind == GZIP:
        return _gunzip(first, next_chunk)
    if kind == ZSTD:
        return _unzstd(first, next_chunk)
    if kind in (BZIP2, XZ):
        return _decompressed(kind, first, next_chunk)
    return _plain(first, next_chunk)


def gzip_compressor() -> Any:
    """An object with compress(data) and flush(); the same input gives the same bytes."""
    return isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP_WINDOW)


def zstd_compressor() -> Any:
    """An object with compress(data) and flush()."""
    return zstandard.ZstdCompressor(level=3).compressobj()


def _plain(chunk: bytes, next_chunk: NextChunk) -> Iterator[bytes]:
    while chunk:
        yield chunk
        chunk = next_chunk()


def _gunzip(chunk: bytes, next_chunk: NextChunk) -> Iterator[bytes]:
    """All members of a gzip stream; zero bytes after the last are padding (gzip manual)."""
    while chunk:
        member = isal_zlib.decompressobj(_GZIP_WINDOW)
        while not member.eof:
            if not chunk:
                raise InvalidArgument("decompress gzip: unexpected EOF")
            try:
                plain = member.decompress(chunk, _PIECE)
            except isal_zlib.error as error:  # type: ignore[misc]  # the stub takes the class for a value
                raise InvalidArgument(f"decompress gzip: {error}") from error
            if plain:
                yield plain
            chunk = member.unconsumed_tail or (b"" if member.eof else next_chunk())
        chunk = member.unused_data.lstrip(b"\0")
        while not chunk and (chunk := next_chunk()):
            chunk = chunk.lstrip(b"\0")


def _decompressor(kind: str) -> tuple[Any, type[Exception]]:
    """One stream's, and what it raises for a damaged one. Imported for those who need them: few do."""
    if kind == XZ:
        import lzma

        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), lzma.LZMAError
    import bz2

    return bz2.BZ2Decompressor(), OSError


def _decompressed(kind: str, chunk: bytes, next_chunk: NextChunk) -> Iterator[bytes]:
    """All streams of a bzip2 or xz file, one after the other."""
    while chunk:
        stream, damage = _decompressor(kind)
        while not stream.eof:
            if stream.needs_input and not chunk:
                raise InvalidArgument(f"decompress {kind}: unexpected EOF")
            try:
                plain = stream.decompress(chunk, _PIECE)
            except damage as error:
                raise InvalidArgument(f"decompress {kind}: {error}") from error
            if plain:
                yield plain
            chunk = next_chunk() if stream.needs_input and not stream.eof else b""
        chunk = stream.unused_data.lstrip(b"\0") or next_chunk().lstrip(b"\0")


def _unzstd(chunk: bytes, next_chunk: NextChunk) -> Iterator[bytes]:
    source = _Source(chunk, next_chunk)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    reader = decompressor.stream_reader(source, read_size=_PIECE, read_across_frames=True)  # type: ignore[arg-type]
    try:
        while plain := reader.read(_PIECE):
            yield plain
    except zstandard.ZstdError as error:
        raise InvalidArgument(f"decompress zstd: {error}") from error


class _Source:
    """Chunks as the file that zstandard reads from."""

    def __init__(self, chunk: bytes, next_chunk: NextChunk) -> None:
        self._chunk = chunk
        self._next_chunk = next_chunk

    def read(self, size: int) -> bytes:
        chunk, self._chunk = self._chunk, b""
        chunk = chunk or self._next_chunk()
        self._chunk = chunk[size:]
        return chunk[:size]
