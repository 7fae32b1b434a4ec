"""Compressed streams as plain ones: gzip by isal, zstd by zstandard. Which one it is, the first bytes tell."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import zstandard
from isal import isal_zlib

from slipway.base.errors import InvalidArgument, NotImplementedByEngine

NextChunk = Callable[[], bytes]

GZIP: Final = "gzip"
ZSTD: Final = "zstd"
NONE: Final = "none"
# bzip2 and xz are told apart to refuse them by name.
_MAGIC: Final = (
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"BZh", "bzip2"),
    (b"\x1f\x8b\x08", GZIP),
)
_GZIP_WINDOW: Final = 31  # 32 KiB window with a gzip header (zlib manual, inflateInit2)
_ZSTD_WINDOW: Final = 1 << 27  # the bound of the zstd command line: more memory would be the archive's choice
_PIECE: Final = 1 << 20


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

    Raises InvalidArgument for a damaged or cut-off stream, NotImplementedByEngine for bzip2 and xz.
    """
    first = next_chunk()
    kind = compression_of(first)
    if kind == GZIP:
        return _gunzip(first, next_chunk)
    if kind == ZSTD:
        return _unzstd(first, next_chunk)
    if kind == NONE:
        return _plain(first, next_chunk)
    raise NotImplementedByEngine(f"decompress {kind}: not supported", hint="use gzip or zstd")


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
                raise InvalidArgument("decompress gzip: unexpected end of the stream")
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
