"""Archives made to reach outside their root (security.md 3b): whatever they say, nothing beside the root changes."""

import os
import stat
import subprocess
from collections.abc import Iterator

import pytest
import zstandard

from slipway.archive.compression import gzip_compressor, plain_chunks, zstd_compressor
from slipway.archive.directories import adopt_attributes
from slipway.archive.extract import Whiteouts
from slipway.base.errors import InvalidArgument
from slipway.wire import tar
from slipway.wire.tar_encode import encode_header
from slipway.wire.tar_pax import encode_records
from tests.unit.archive.conftest import Place, chunks, directory, entry, hard_link, symlink

MODES = list(Whiteouts)


def either(place: Place, *entries: bytes, whiteouts: Whiteouts = Whiteouts.REMOVE) -> None:
    """Unpacked or refused: both are fine, as long as the fixture finds the outside as it was."""
    try:
        place.unpack(*entries, whiteouts=whiteouts)
    except InvalidArgument:
        return


@pytest.mark.parametrize("name", ["../secret", "../../outside/secret", "a/../../outside/secret", "/../outside/secret"])
def test_dots_do_not_climb(place: Place, name: str) -> None:
    place.unpack(entry(name, b"evil"))
    assert place.names()[-1].endswith("secret")


def test_absolute_names_stay_inside(place: Place) -> None:
    place.unpack(entry(f"{place.outside}/secret", b"evil"))
    assert (place.root / str(place.outside).lstrip("/") / "secret").read_bytes() == b"evil"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("absolute", [True, False])
def test_files_are_not_written_through_links(place: Place, mode: Whiteouts, absolute: bool) -> None:
    target = str(place.outside) if absolute else "../outside"
    either(place, symlink("link", target), entry("link/secret", b"evil"), whiteouts=mode)
    either(place, symlink("file", f"{target}/secret"), entry("file", b"evil"), whiteouts=mode)
    either(place, symlink("dir", target), directory("dir", 0o777), entry("dir/x", b"evil"), whiteouts=mode)


def test_directories_that_few_bytes_imply_are_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry of some bytes, compressed, names 4 MB of directories."""
    monkeypatch.setattr("slipway.archive.remembered.LIMIT", 1 << 20)
    archive = [entry(f"{number}/" + "a/" * 300 + "f") for number in range(20)]
    with pytest.raises(InvalidArgument, match="directories that others are in have more than"):
        place.unpack(*archive, whiteouts=Whiteouts.OVERLAY)


def test_equal_marks_count_once(place: Place) -> None:
    result = place.unpack(*[entry("d/.wh..wh..opq")] * 2000, whiteouts=Whiteouts.OVERLAY)
    assert result.opaque == [b"d"]


def test_links_lead_where_they_lead_inside_the_root(place: Place) -> None:
    place.unpack(directory("run"), directory("var"), symlink("var/run", "/run"), entry("var/run/pid", b"1"))
    assert (place.root / "run/pid").read_bytes() == b"1"
    assert (place.root / "var/run").is_symlink()


def test_hard_links_to_the_outside_are_refused(place: Place) -> None:
    for target in ("../outside/secret", str(place.outside / "secret")):
        with pytest.raises(InvalidArgument):
            place.unpack(hard_link("stolen", target))


def test_a_hard_link_to_a_link_is_a_second_link(place: Place) -> None:
    place.unpack(symlink("link", str(place.outside / "secret")), hard_link("second", "link"), entry("second", b"evil"))
    assert (place.root / "link").is_symlink()
    assert (place.root / "second").read_bytes() == b"evil"
    assert not (place.root / "second").is_symlink()


def test_a_hard_link_through_a_link_stays_inside(place: Place) -> None:
    with pytest.raises(InvalidArgument):
        place.unpack(symlink("out", str(place.outside)), hard_link("stolen", "out/secret"))


def test_chains_and_loops_of_links_end(place: Place) -> None:
    chain = [symlink(f"l{at}", f"l{at + 1}") for at in range(60)]
    either(place, *chain, symlink("l60", str(place.outside)), entry("l0/secret", b"evil"))
    either(place, symlink("a", "b"), symlink("b", "a"), entry("a/x", b"evil"))
    long_step = "x" * 200
    steps = [symlink(f"{long_step}{at}", f"./{long_step}{at + 1}") for at in range(30)]
    either(place, *steps, symlink(f"{long_step}30", str(place.outside)), entry(f"{long_step}0/secret", b"evil"))


def test_names_longer_than_a_path_may_be_are_refused(place: Place) -> None:
    with pytest.raises(InvalidArgument):
        place.unpack(entry("/".join(["d" * 100] * 60) + "/f", b"x"))
    with pytest.raises(InvalidArgument):
        place.unpack(entry("n" * 300, b"x"))


@pytest.mark.parametrize("mode", [Whiteouts.REMOVE, Whiteouts.OVERLAY])
def test_deletions_do_not_follow_links(place: Place, mode: Whiteouts) -> None:
    outside = str(place.outside)
    either(place, symlink("link", outside), entry("link/.wh.secret"), whiteouts=mode)
    either(place, symlink("link", outside), entry("link/.wh..wh..opq"), whiteouts=mode)
    either(place, symlink("to", f"{outside}/secret"), entry(".wh.to"), whiteouts=mode)
    for name in (".wh.", ".wh..", ".wh..."):
        with pytest.raises(InvalidArgument):
            place.unpack(entry(name), whiteouts=mode)


def test_a_directory_that_becomes_a_link_is_not_written_through_any_more(place: Place) -> None:
    """The descriptor that is kept of a directory must not outlive the directory's name, nor a link's old target."""
    place.unpack(
        directory("a"),
        directory("a/b"),
        entry("a/b/one", b"1"),
        directory("new"),
        symlink("a/b", "/new"),
        entry("a/b/two", b"2"),
    )
    assert (place.root / "new/two").read_bytes() == b"2"
    place.unpack(
        directory("x"), directory("y"), symlink("s", "x"), entry("s/one"), symlink("s", "y"), entry("s/two"),
    )  # fmt: skip
    assert (place.root / "y/two").exists()
    either(
        place, directory("d"), entry("d/1", b""), entry("d", b"file"), symlink("d", str(place.outside)),
        entry("d/secret", b"evil"),
    )  # fmt: skip


def test_the_same_name_twice_is_the_last_one(place: Place) -> None:
    place.unpack(
        directory("d"), entry("d/old"), entry("d", b"file"), entry("d", b"again"), symlink("d", "elsewhere"),
        directory("d", 0o700), entry("d/new"),
    )  # fmt: skip
    assert place.names() == ["d", "d/new"]


def test_attributes_are_not_set_through_links(place: Place) -> None:
    either(place, symlink("link", str(place.outside / "secret")), entry("link", mode=0o777))
    either(place, symlink("d", str(place.outside)), directory("d", 0o4777))
    assert not (place.root / "d").is_symlink()


@pytest.mark.root
def test_devices_are_made_inside_and_never_opened(place: Place) -> None:
    header = tar.Header(b"null", tar.CHARACTER_DEVICE)
    header.major, header.minor, header.mode = 1, 3, 0o666
    place.unpack(encode_header(header), entry("fifo", kind=tar.FIFO), entry("fifo", b"now a file"))
    found = (place.root / "null").stat()
    assert stat.S_ISCHR(found.st_mode)
    assert (os.major(found.st_rdev), os.minor(found.st_rdev), found.st_mode & 0o777) == (1, 3, 0o666)
    assert (place.root / "fifo").read_bytes() == b"now a file"


def test_overlayfs_is_not_steered_by_a_layer(place: Place) -> None:
    header = tar.Header(b"d", tar.DIRECTORY)
    header.mode = 0o755
    header.xattrs = {b"trusted.overlay.redirect": b"/etc", b"user.overlay.opaque": b"y"}
    place.unpack(encode_header(header), whiteouts=Whiteouts.OVERLAY)
    assert [name for name in os.listxattr(place.root / "d") if "overlay" in name] == []


@pytest.mark.root
def test_overlayfs_is_not_steered_by_what_lies_below(place: Place) -> None:
    """A directory that no entry tells of gets its attributes from the layer below, but not these."""
    lower = place.root / "lower"
    (lower / "d/e").mkdir(parents=True)
    os.setxattr(lower / "d/e", "trusted.overlay.opaque", b"y")
    os.setxattr(lower / "d", "trusted.overlay.redirect", b"/etc")
    upper = place.root / "upper"
    upper.mkdir()
    each = Place(upper, place.outside)
    each.unpack(entry("d/e/f"), whiteouts=Whiteouts.OVERLAY, lower=(lower,))
    descriptors = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (upper, lower)]
    adopt_attributes(descriptors[0], descriptors[1:], ["d", "d/e"])
    for descriptor in descriptors:
        os.close(descriptor)
    assert [os.listxattr(path) for path in (upper / "d", upper / "d/e")] == [[], []]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("climb", ["nosuch/../../outside", "/nosuch/a/../../../outside", "nosuch/../../../../outside"])
def test_links_through_what_is_missing_do_not_climb(place: Place, mode: Whiteouts, climb: str) -> None:
    """Directories were made as the link said, and the `..` behind them led out of the root: any file could be
    written."""
    either(place, symlink("link", climb), entry("link/secret", b"evil"), entry("link/new", b"evil"), whiteouts=mode)
    either(place, symlink("a", f"{climb}/made"), directory("a/b"), hard_link("a/c", "link/secret"), whiteouts=mode)


@pytest.fixture
def deep_place(place: Place) -> Iterator[Place]:
    """`place`, emptied when an interrupt ends the test, too: pytest's own way to remove it ends at Python's limit."""
    yield place
    subprocess.run(["rm", "-rf", place.root / "a"], check=True)


def test_a_name_of_a_thousand_directories(deep_place: Place) -> None:
    """Python's own limit is not the answer."""
    deep_place.unpack(entry("a/" * 1900 + "f", b"x"))
    found = subprocess.run(["find", deep_place.root, "-name", "f"], capture_output=True, check=True).stdout
    assert found.count(b"/a") == 1900


def extended(**records: bytes) -> bytes:
    """The extended header before an entry; `__` stands for a dot in a key."""
    data = encode_records({key.replace("__", ".").encode(): value for key, value in records.items()})
    return entry("x", data, kind=tar.PAX)


SPARSE = {"GNU__sparse__major": b"1", "GNU__sparse__minor": b"0"}


@pytest.mark.parametrize(
    "start",
    [
        extended(SCHILY__xattr__user__a=b"x" * 70_000) + entry("f"),
        extended(**{"SCHILY__xattr__user__" + "a" * 300: b"x"}) + entry("f"),
        extended(SCHILY__xattr__=b"x") + entry("f"),
        extended(**SPARSE, GNU__sparse__realsize=b"9223372036854775807") + entry("s", b"0\n".ljust(512, b"\0")),
    ],
    ids=("value", "name", "no name", "sparse"),
)
def test_what_no_file_system_keeps_is_the_archive_s_fault(place: Place, start: bytes) -> None:
    """It was answered as a fault of the machine, which is worth another try."""
    with pytest.raises(InvalidArgument, match="unpack"):
        place.unpack(start)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_bomb_comes_in_pieces(kind: str) -> None:
    """512 MiB of zeros: the memory that it takes is a piece's, whatever it unpacks to."""
    zeros, count = bytes(1 << 20), 512
    compressor = gzip_compressor() if kind == "gzip" else zstd_compressor()
    bomb = b"".join([*(compressor.compress(zeros) for _ in range(count)), compressor.flush()])
    pieces = [len(piece) for piece in plain_chunks(chunks(bomb, 1 << 16))]
    assert sum(pieces) == count << 20
    assert max(pieces) <= 2 << 20


def test_a_window_that_is_the_archive_s_choice_is_refused() -> None:
    """The header alone makes a reader keep 2 GiB."""
    parameters = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(InvalidArgument, match="zstd"):
        list(plain_chunks(chunks(compressor.compress(bytes(100_000)) + compressor.flush(), 1 << 16)))
