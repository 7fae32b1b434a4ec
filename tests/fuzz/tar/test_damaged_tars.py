"""Archives damaged at random, from a fixed seed: unpacked or refused, never another error, nothing outside touched."""

import os
import random

import pytest

from slipway.archive.compression import plain_chunks
from slipway.archive.extract import Extractor, Whiteouts
from slipway.archive.tar_reader import TarReader
from slipway.base.errors import InvalidArgument
from slipway.wire import tar
from slipway.wire.tar_encode import END, encode_header
from slipway.wire.tar_pax import encode_records
from tests.unit.archive.conftest import Place, chunks, directory, entry, hard_link, place, symlink

__all__ = ["place"]
SEEDS = range(1500)
BYTES = (0, 0x20, 0x2F, 0x2E, 0x30, 0x37, 0x53, 0x78, 0x80, 0xFF)
OFFSETS = (0, 100, 124, 136, 148, 156, 157, 257, 263, 329, 345, 386, 483)  # where header fields begin


def _records(records: dict[bytes, bytes]) -> bytes:
    data = encode_records(records)
    header = tar.Header(b"x", tar.PAX)
    header.size = len(data)
    return encode_header(header) + data + bytes(tar.padding(len(data)))


def _sound() -> bytes:
    sparse = {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0", b"GNU.sparse.realsize": b"5000"}
    return b"".join(
        (
            directory("d"),
            entry("d/f", b"x" * 1000),
            symlink("d/l", "../.."),
            hard_link("h", "d/f"),
            _records({b"path": b"p" * 200, b"mtime": b"1.5", b"SCHILY.xattr.user.a": b"b"}),
            entry("short", b"y" * 600),
            _records(sparse),
            entry("s", b"1\n4096\n4\n".ljust(512, b"\0") + b"data"),
            entry("d/.wh.f"),
            entry("d/.wh..wh..opq"),
            END,
        )
    )


def _damaged(seed: int) -> bytes:
    generator = random.Random(seed)
    data = bytearray(_sound())
    for _ in range(generator.randint(1, 6)):
        block = generator.randrange(len(data) // tar.BLOCK) * tar.BLOCK
        at = block + generator.choice(OFFSETS) + generator.randrange(8)
        choice = generator.random()
        if choice < 0.5:
            data[at] = generator.choice(
                (0, 0x20, 0x2F, 0x2E, 0x30, 0x37, 0x53, 0x78, 0x80, 0xFF, generator.randrange(256))
            )
        elif choice < 0.7:
            del data[block : block + tar.BLOCK * generator.randint(0, 2)]
        elif choice < 0.9:
            data[block:block] = data[: tar.BLOCK * generator.randint(1, 3)]
        else:
            del data[at:]
        if len(data) < tar.BLOCK:
            break
        if generator.random() < 0.8:
            _mend_checksum(data, block)
    return bytes(data)


def _mend_checksum(data: bytearray, block: int) -> None:
    """Otherwise nearly every damage would be found by the checksum alone."""
    if len(data) >= block + tar.BLOCK and any(data[block : block + tar.BLOCK]):
        data[block + 148 : block + 156] = b" " * 8
        data[block + 148 : block + 156] = b"%06o\0 " % sum(data[block : block + tar.BLOCK])


@pytest.mark.parametrize("batch", range(0, len(SEEDS), 100))
def test_a_damaged_tar_is_unpacked_or_refused(place: Place, batch: int) -> None:
    for seed in SEEDS[batch : batch + 100]:
        mode = list(Whiteouts)[seed % 3]
        root = os.open(place.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            Extractor(root, whiteouts=mode).run(TarReader(chunks(_damaged(seed), 777)))
        except InvalidArgument:
            continue
        finally:
            os.close(root)


@pytest.mark.parametrize("start", [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\x00", b""])
def test_noise_behind_a_compressors_mark_is_refused(place: Place, start: bytes) -> None:
    for seed in range(100):
        noise = start + random.Random(seed).randbytes(3000)
        pieces = plain_chunks(chunks(noise, 1000))
        root = os.open(place.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            Extractor(root, whiteouts=Whiteouts.KEEP).run(TarReader(lambda pieces=pieces: next(pieces, b"")))  # type: ignore[misc]
        except InvalidArgument:
            continue
        finally:
            os.close(root)
