"""What an ordinary archive becomes: content, attributes, deletions; what a layer's marks become in overlayfs."""

import os
import random
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from slipway.archive.directories import adopt_attributes
from slipway.archive.extract import Extractor, Whiteouts
from slipway.archive.tar_reader import TarReader
from slipway.base.errors import InvalidArgument
from slipway.wire.tar_encode import END
from tests.unit.archive.conftest import Place, chunks, directory, entry, hard_link, symlink


@pytest.mark.parametrize("tar_format", ["v7", "ustar", "gnu", "pax"])
@pytest.mark.parametrize("size", [511, 4097, 1 << 20])
def test_what_gnu_tar_packs_comes_out_the_same(tmp_path: Path, tar_format: str, size: int) -> None:
    source = tmp_path / "source"
    _make_tree(source, long_names=tar_format in ("gnu", "pax"))
    packed = tmp_path / "packed.tar"
    subprocess.run(["tar", f"--format={tar_format}", "-cf", packed, "-C", source, "."], check=True)
    target = tmp_path / "target"
    target.mkdir()
    _unpack(packed.read_bytes(), target, size)
    assert _listing(target) == _listing(source)


@pytest.mark.parametrize("options", [["--format=gnu"], ["--format=pax", "--sparse-version=0.1"],
                                     ["--format=pax", "--sparse-version=1.0"]])  # fmt: skip
def test_sparse_files_keep_their_holes(tmp_path: Path, options: list[str]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    generator = random.Random(1)
    with open(source / "sparse", "wb") as file:
        for at in range(60):
            file.seek(at * 1_000_000)
            file.write(generator.randbytes(5000))
        file.truncate(70_000_000)
    packed = tmp_path / "packed.tar"
    subprocess.run(["tar", "-S", *options, "-cf", packed, "-C", source, "sparse"], check=True)
    assert packed.stat().st_size < 2_000_000
    target = tmp_path / "target"
    target.mkdir()
    _unpack(packed.read_bytes(), target, 10_000)
    assert (target / "sparse").read_bytes() == (source / "sparse").read_bytes()
    assert (target / "sparse").stat().st_blocks * 512 < 10_000_000


def test_long_names_and_owners_by_python_too(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    packed = tmp_path_factory.mktemp("packed") / "p.tar"
    name = "/".join(["long" * 30] * 5)
    with tarfile.open(packed, "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo(name + "/ünïcode")
        info.mtime = 1234567890.5
        info.uid, info.gid = os.getuid(), os.getgid()
        archive.addfile(info)
    data = packed.read_bytes()
    place.unpack(data[: -2 * 512] if data.endswith(END) else data)
    assert (place.root / name / "ünïcode").stat().st_mtime == 1234567890.5


def test_deletions_remove_what_was_there_before_and_nothing_else(place: Place) -> None:
    place.unpack(directory("d"), entry("d/old"), entry("d/kept"), directory("o"), entry("o/old"), entry("gone"))
    place.unpack(
        entry("d/.wh.old"), entry("d/new"), entry("o/new"), entry("o/.wh..wh..opq"), entry(".wh.gone"),
        entry(".wh.never"), entry("x/.wh.y"), entry(".wh..wh.plnk"),
    )  # fmt: skip
    assert place.names() == ["d", "d/kept", "d/new", "o", "o/new"]


def test_deletions_become_overlayfs_marks(place: Place) -> None:
    result = place.unpack(
        entry("d/.wh.old"), directory("o"), entry("o/.wh..wh..opq"), entry("o/new"),
        entry(".wh.again"), directory("again"), directory("both"), entry(".wh.both"), whiteouts=Whiteouts.OVERLAY,
    )  # fmt: skip
    found = (place.root / "d/old").lstat()
    assert stat.S_ISCHR(found.st_mode)
    assert found.st_rdev == 0
    assert result.opaque == [b"o", b"again", b"both"]
    assert place.names() == ["again", "both", "d", "d/old", "o", "o/new"]


def test_an_archive_that_is_no_layer_keeps_such_names(place: Place) -> None:
    place.unpack(entry(".wh.x"), entry("d/.wh..wh..opq"), whiteouts=Whiteouts.KEEP)
    assert place.names() == [".wh.x", "d", "d/.wh..wh..opq"]


def test_missing_parents_look_as_in_the_layer_below(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    lower = tmp_path_factory.mktemp("lower")
    (lower / "a" / "b").mkdir(parents=True)
    (lower / "a").chmod(0o1777)
    os.utime(lower / "a", (1000, 1000))
    place.unpack(entry("a/b/c/file"), whiteouts=Whiteouts.OVERLAY, lower=[lower])
    assert stat.S_IMODE((place.root / "a").stat().st_mode) == 0o1777
    assert stat.S_IMODE((place.root / "a/b/c").stat().st_mode) == 0o755


def test_modes_times_and_links_are_kept_whatever_the_umask(place: Place) -> None:
    old = os.umask(0o077)
    try:
        place.unpack(
            directory("d", 0o1777), entry("d/f", b"x", mode=0o4755), hard_link("g", "d/f"), symlink("s", "nowhere"),
        )  # fmt: skip
    finally:
        os.umask(old)
    assert stat.S_IMODE((place.root / "d").stat().st_mode) == 0o1777
    assert stat.S_IMODE((place.root / "g").stat().st_mode) == 0o4755
    assert (place.root / "g").stat().st_ino == (place.root / "d/f").stat().st_ino
    assert (place.root / "d").stat().st_mtime == 0
    assert os.readlink(place.root / "s") == "nowhere"


@pytest.mark.parametrize(
    "data",
    [
        entry("a", b"x" * 600)[:700],
        entry("a", b"x")[:100],
        b"not a tar at all" * 100,
        b"\0" * 512 + entry("a"),
        entry("a").replace(b"ustar", b"UST\xffR"),
        entry("a", kind=b"Z"),
        hard_link("a", "missing"),
        hard_link("a", ""),
        symlink("a", ""),
        directory("d") + hard_link("e", "d"),
        entry("d") + entry("d/below"),
    ],
)
def test_malformed_archives_are_refused_in_a_sentence(place: Place, data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        place.unpack(data)


def test_an_empty_archive_is_none_and_no_error(place: Place) -> None:
    assert place.unpack().entries == 0
    descriptor = os.open(place.root, os.O_RDONLY)
    Extractor(descriptor, whiteouts=Whiteouts.KEEP).run(TarReader(lambda: b""))
    os.close(descriptor)


def _unpack(data: bytes, target: Path, size: int) -> None:
    root = os.open(target, os.O_RDONLY)
    try:
        Extractor(root, whiteouts=Whiteouts.KEEP).run(TarReader(chunks(data, size)))
    finally:
        os.close(root)


def _make_tree(source: Path, *, long_names: bool) -> None:
    (source / "dir" / "deep").mkdir(parents=True)
    (source / "dir" / "file").write_bytes(os.urandom(5000))
    (source / "dir" / "empty").touch()
    (source / "exact").write_bytes(b"x" * 1024)
    os.link(source / "exact", source / "linked")
    os.symlink("dir/file", source / "symlink")
    (source / "dir" / "deep").chmod(0o2750)
    (source / "exact").chmod(0o4711)
    os.utime(source / "dir" / "file", (1_000_000_000, 1_000_000_000))
    if long_names:
        (source / ("n" * 200)).write_bytes(b"long")
        os.symlink("t" * 180, source / "long-link")


def _listing(root: Path) -> list[tuple[object, ...]]:
    found = []
    for path in sorted(root.rglob("*")):
        state = path.lstat()
        content: object = os.readlink(path) if path.is_symlink() else None
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        time = 0 if path.is_symlink() else int(state.st_mtime)
        found.append((str(path.relative_to(root)), state.st_mode, state.st_uid, state.st_nlink, time, content))
    return found


def test_directories_that_no_entry_tells_of_get_their_attributes_from_below_also_afterwards(place: Place) -> None:
    """As if the layers below had been known while the layer was unpacked: so layers can be unpacked side by side."""
    lower = place.outside / "lower"
    (lower / "a/b").mkdir(parents=True)
    (lower / "a").chmod(0o711)
    (lower / "a/b").chmod(0o2750)
    os.setxattr(lower / "a/b", "user.x", b"y")
    os.utime(lower / "a/b", (5, 5))
    (lower / "link").symlink_to("a")
    layer = (entry("a/b/f"), entry("link/f"), entry("told/f"), directory("told", 0o700), entry("gone/f"), entry("gone"))
    found = {}
    for name, apart in (("apart", True), ("upon", False)):
        root = place.root / name
        root.mkdir()
        each = Place(root, place.outside)
        result = each.unpack(*layer, whiteouts=Whiteouts.OVERLAY, lower=() if apart else (lower,))
        if apart:
            assert result.implied == [b"a", b"a/b", b"link", b"gone"]
            descriptors = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (root, lower)]
            adopt_attributes(descriptors[0], descriptors[1:], map(os.fsdecode, result.implied))
            for descriptor in descriptors:
                os.close(descriptor)
        found[name] = [
            (path.name, path.lstat().st_mode, os.listxattr(path, follow_symlinks=False))
            for path in sorted(root.rglob("*"))
        ]
    assert found["apart"] == found["upon"]
    assert ("b", stat.S_IFDIR | 0o2750, ["user.x"]) in found["apart"]
    shutil.rmtree(lower)


def test_adopting_attributes_changes_nothing_outside(place: Place) -> None:
    """The names are an archive's, and lead anywhere by then."""
    os.symlink("../outside", place.root / "link")
    os.symlink(place.outside, place.root / "absolute")
    (place.root / "file").touch()
    lower = place.root / "lower"
    for name in ("link", "absolute", "file", "outside", "missing"):
        (lower / name).mkdir(mode=0o711, parents=True)
    descriptors = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (place.root, lower)]
    before = place.outside.stat().st_mode
    names = ["link", "absolute", "file", "missing", "../outside", "link/../../outside", "nosuch/../../outside"]
    adopt_attributes(descriptors[0], descriptors[1:], names)
    assert place.outside.stat().st_mode == before
    for descriptor in descriptors:
        os.close(descriptor)
