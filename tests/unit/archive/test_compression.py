"""Compressed streams in pieces of every size: all their members, and what is damaged refused."""

import bz2
import gzip
import lzma
from collections.abc import Callable

import pytest
import zstandard

from slipway.archive.compression import plain_chunks
from slipway.base.errors import InvalidArgument

PLAIN = b"".join(b"line %d of a text that is compressed\n" % number for number in range(5000))
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
each_kind = pytest.mark.parametrize("kind", COMPRESS)


def content(data: bytes, size: int) -> bytes:
    pieces = iter([data[place : place + size] for place in range(0, len(data), size)])
    return b"".join(plain_chunks(lambda: next(pieces, b"")))


@each_kind
@pytest.mark.parametrize("size", [1, 11, 4096, 1 << 20])
def test_the_content_comes_out_whatever_the_pieces(kind: str, size: int) -> None:
    assert content(COMPRESS[kind](PLAIN), size) == PLAIN


@each_kind
def test_members_follow_each_other(kind: str) -> None:
    assert content(COMPRESS[kind](b"one") + COMPRESS[kind](b"two"), 4096) == b"onetwo"


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_zeros_after_the_end_are_padding(kind: str) -> None:
    assert content(COMPRESS[kind](b"one") + bytes(700), 512) == b"one"


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_what_is_cut_off_says_so(kind: str) -> None:
    data = COMPRESS[kind](PLAIN)
    with pytest.raises(InvalidArgument, match=f"decompress {kind}: unexpected EOF"):
        content(data[: len(data) // 2], 4096)


@each_kind
def test_what_is_damaged_is_refused(kind: str) -> None:
    data = bytearray(COMPRESS[kind](PLAIN))
    data[len(data) // 2 :] = b"\xaa" * (len(data) - len(data) // 2)
    with pytest.raises(InvalidArgument, match=f"decompress {kind}"):
        content(bytes(data), 4096)
