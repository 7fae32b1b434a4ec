"""The end of a tar archive is found in its bytes, however they are cut."""

import io
import tarfile

import pytest

from slipway.base.errors import InvalidArgument
from slipway.wire.tar_end import ArchiveEnd


def archive(*sizes: int) -> bytes:
    """Files of zeros: their data looks like an end. The long name needs a header of its own."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for number, size in enumerate(sizes):
            entry = tarfile.TarInfo(f"{'long/' * 40}{number}")
            entry.size = size
            tar.addfile(entry, io.BytesIO(bytes(size)))
    return buffer.getvalue()


@pytest.mark.parametrize("cut", [1, 7, 512, 1000, 1 << 20])
@pytest.mark.parametrize("sizes", [(), (0,), (5000, 512, 1, 0, 2048)])
def test_the_end_is_reached_with_the_second_block_of_zeros(cut: int, sizes: tuple[int, ...]) -> None:
    whole = archive(*sizes)
    length = content_length(whole) + 1024
    end = ArchiveEnd()
    seen = 0
    while not end.reached:
        end.feed(whole[seen : seen + cut])
        seen += cut
    assert seen - cut < length <= seen
    before = ArchiveEnd()
    before.feed(whole[: length - 1])
    assert not before.reached


def content_length(whole: bytes) -> int:
    """Where tarfile stops reading entries."""
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        tar.getmembers()
        return tar.offset


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        ArchiveEnd().feed(b"x" * 512)
