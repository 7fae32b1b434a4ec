"""tar headers and PAX records: what is written is read again, what is malformed is refused."""

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.archive.tar_reader import TarReader
from slipway.base.errors import InvalidArgument
from slipway.wire import tar, tar_pax, tar_sparse
from slipway.wire.tar_encode import END, encode_header

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=60)
PATHS = st.lists(NAMES, min_size=1, max_size=8).map(lambda parts: "/".join(parts).encode()[:250])
NUMBERS = st.integers(0, (1 << 40))


def headers(data: bytes) -> list[tar.Header]:
    pieces = iter([data])
    return list(TarReader(lambda: next(pieces, b"")).entries())


@settings(max_examples=150, deadline=None)
@given(
    name=PATHS,
    link=PATHS,
    uid=NUMBERS,
    gid=NUMBERS,
    seconds=st.integers(-(1 << 35), 1 << 40),
    mode=st.integers(0, 0o7777),
)
def test_a_header_is_read_as_it_was_written(
    name: bytes, link: bytes, uid: int, gid: int, seconds: int, mode: int
) -> None:
    header = tar.Header(name, tar.SYMBOLIC_LINK)
    header.link, header.uid, header.gid, header.mode = link, uid, gid, mode
    header.mtime = seconds * tar.NANOSECONDS
    header.xattrs = {b"user.x": b"\0\n=", b"security.capability": bytes(20)}
    (read,) = headers(encode_header(header) + END)
    for field in ("name", "link", "uid", "gid", "mode", "mtime", "kind", "xattrs"):
        assert getattr(read, field) == getattr(header, field), field
    assert encode_header(header) == encode_header(read)


@settings(max_examples=50, deadline=None)
@given(name=PATHS, size=st.integers(0, 2000))
def test_pythons_tarfile_reads_what_we_write(name: bytes, size: int) -> None:
    header = tar.Header(name)
    header.size, header.mode = size, 0o640
    data = encode_header(header) + bytes(size) + bytes(tar.padding(size)) + END
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        (member,) = archive.getmembers()
        assert member.name.encode("utf-8", "surrogateescape") == name.rstrip(b"/")
        assert (member.size, member.mode) == (size, 0o640)


def test_large_numbers_are_base_256() -> None:
    assert tar.number_from_field(b"\x80" + (5 << 30).to_bytes(11, "big")) == 5 << 30
    assert tar.number_from_field(b"\xff" * 12) == -1
    assert tar.number_from_field(b"0000644\0") == 0o644
    assert tar.number_from_field(b"  644 \0\0") == 0o644
    for field in (b"1_000\0", b"+644\0", b"0x1f\0", b"99\0"):
        with pytest.raises(InvalidArgument):
            tar.number_from_field(field)


def test_signed_checksums_of_old_tars_are_accepted() -> None:
    header = tar.Header("ä".encode())
    block = bytearray(encode_header(header)[-512:])
    block[0] = 0xE4
    block[148:156] = b" " * 8
    total = sum(byte - 256 if byte > 127 else byte for byte in block)
    block[148:156] = b"%06o\0 " % total
    assert tar.decode_header(bytes(block)).name[0] == 0xE4
    block[148:156] = b"000000\0 "
    with pytest.raises(InvalidArgument, match="checksum"):
        tar.decode_header(bytes(block))


def test_a_name_that_ends_in_a_slash_was_a_directory_before_posix() -> None:
    header = tar.Header(b"d/", b"\0")
    assert headers(encode_header(header) + END)[0].kind == tar.DIRECTORY


@pytest.mark.parametrize(
    "data",
    [b"x", b"5 a=b", b"7 a=b\n", b"6 =bb\n", b"6 abb\n", b"-1 a=b\n", b"99999999999 a=b\n", b"06_ a=b\n", b"7 a\0=b\n",
     b" a=b\n"],
)  # fmt: skip
def test_malformed_records_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        tar_pax.decode_records(data)


@pytest.mark.parametrize(
    "records",
    [{b"size": b"1e9"}, {b"uid": b"-1"}, {b"path": b"a\0b"}, {b"mtime": b"x"}, {b"mtime": b"1.x"}, {b"size": b""}],
)
def test_malformed_values_are_refused(records: dict[bytes, bytes]) -> None:
    with pytest.raises(InvalidArgument):
        tar_pax.apply_records(tar.Header(b"x"), records)


@pytest.mark.parametrize(("text", "nanoseconds"), [(b"1.5", 1_500_000_000), (b"-1.5", -1_500_000_000),
                                                   (b"2", 2_000_000_000), (b"0.0000000019", 1)])  # fmt: skip
def test_times_have_fractions(text: bytes, nanoseconds: int) -> None:
    header = tar.Header(b"x")
    tar_pax.apply_records(header, {b"mtime": text})
    assert header.mtime == nanoseconds


@pytest.mark.parametrize("segments", [[(0, 10), (5, 5)], [(90, 20)], [(0, 5)], [(-1, 11)]])
def test_sparse_maps_that_do_not_fit_are_refused(segments: list[tuple[int, int]]) -> None:
    header = tar.Header(b"x")
    header.size, header.real_size, header.segments = 10, 100, segments
    with pytest.raises(InvalidArgument):
        tar_sparse.check_segments(header)


def test_sparse_maps_are_bounded() -> None:
    for call in (
        lambda: tar_sparse.count_from_line(b"99999999"),
        lambda: tar_sparse.count_from_line(b"x"),
        lambda: tar_sparse.segments_from_records({b"GNU.sparse.map": b"1,2,3"}),
        lambda: tar_sparse.segments_from_records({b"GNU.sparse.offset": b"1"}),
    ):
        with pytest.raises(InvalidArgument):
            call()
    assert tar_sparse.segments_from_records({b"GNU.sparse.map": b"0,5,10,5"}) == [(0, 5), (10, 5)]
