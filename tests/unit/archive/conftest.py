"""Archives written by hand, entry by entry, and a place to unpack them with something outside that must not change."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.archive.extract import Extracted, Extractor, Whiteouts
from slipway.archive.tar_reader import TarReader
from slipway.wire import tar
from slipway.wire.tar_encode import END, encode_header


def entry(name: str, data: bytes = b"", *, kind: bytes = tar.REGULAR, link: str = "", mode: int = 0o644) -> bytes:
    """One entry, as hostile as it may be: nothing of it is checked."""
    header = tar.Header(os.fsencode(name), kind)
    header.link, header.mode, header.size = os.fsencode(link), mode, len(data)
    header.uid, header.gid = os.getuid(), os.getgid()
    return encode_header(header) + data + bytes(tar.padding(len(data)))


def directory(name: str, mode: int = 0o755) -> bytes:
    return entry(name, kind=tar.DIRECTORY, mode=mode)


def symlink(name: str, target: str) -> bytes:
    return entry(name, kind=tar.SYMBOLIC_LINK, link=target)


def hard_link(name: str, target: str) -> bytes:
    return entry(name, kind=tar.HARD_LINK, link=target)


def chunks(data: bytes, size: int) -> Callable[[], bytes]:
    pieces = iter([data[at : at + size] for at in range(0, len(data), size)])
    return lambda: next(pieces, b"")


@dataclass
class Place:
    """`root` is where archives go; `outside` lies beside it."""

    root: Path
    outside: Path

    def unpack(
        self,
        *entries: bytes,
        whiteouts: Whiteouts = Whiteouts.REMOVE,
        lower: Sequence[Path] = (),
        size: int = 700,
    ) -> Extracted:
        descriptors = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (self.root, *lower)]
        try:
            extractor = Extractor(descriptors[0], whiteouts=whiteouts, lower=descriptors[1:])
            return extractor.run(TarReader(chunks(b"".join(entries) + END, size)))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "root", tmp_path / "outside")
    made.root.mkdir()
    made.outside.mkdir()
    (made.outside / "secret").write_text("host")
    before = _state(made.outside)
    open_before = len(os.listdir("/proc/self/fd"))
    yield made
    assert _state(made.outside) == before, "something outside the root was changed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "root"]
    assert len(os.listdir("/proc/self/fd")) == open_before, "a descriptor was left open"


def _state(folder: Path) -> list[tuple[str, int, int, bytes]]:
    return [
        (path.name, path.stat().st_mode, path.stat().st_nlink, path.read_bytes()) for path in sorted(folder.iterdir())
    ]


@pytest.fixture
def trees(tmp_path: Path) -> Iterator[tuple[Path, Path, int, int]]:
    """Two empty folders, before and after, and a descriptor of each."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    descriptors = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (before, after)]
    yield before, after, *descriptors
    for descriptor in descriptors:
        os.close(descriptor)
