"""Removing trees that somebody else made, and may still write in."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.archive import remove
from slipway.archive.remove import remove_name

Remove = Callable[[str], bool]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def test_a_tree_goes_and_nothing_beside_it(tmp_path: Path, folder: int) -> None:
    outside = tmp_path / "outside"
    (outside / "kept").mkdir(parents=True)
    tree = tmp_path / "tree"
    (tree / "a" / "b" / "c").mkdir(parents=True)
    (tree / "empty").mkdir()
    (tree / "a" / "file").write_text("x")
    (tree / "a" / "b" / "link").symlink_to(outside)
    (tree / "a" / "b" / "up").symlink_to("..")
    os.mkfifo(tree / "a" / "b" / "c" / "fifo")
    assert remove_name(folder, b"tree")
    assert os.listdir(tmp_path) == ["outside"]
    assert os.listdir(outside) == ["kept"]


def test_it_tells_what_could_have_been_a_step(tmp_path: Path, folder: int) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert not remove_name(folder, b"file")
    assert remove_name(folder, b"link")
    with pytest.raises(FileNotFoundError):
        remove_name(folder, b"file")


def test_a_tree_deeper_than_a_path_is_long(tmp_path: Path, folder: int) -> None:
    os.mkdir(tmp_path / "tree")
    here = os.open(tmp_path / "tree", os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(2000):
        os.mkdir("deeper", dir_fd=here)
        below = os.open("deeper", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove_name(folder, b"tree")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("full", [False, True])
def test_each_directory_is_listed_once(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    """Else a directory with 100,000 others in it takes hours, and all collection waits for it."""
    for number in range(200):
        (tmp_path / "tree" / str(number)).mkdir(parents=True)
        if full:
            (tmp_path / "tree" / str(number) / "file").touch()
    listed = []
    scandir = os.scandir

    def counted(path: int) -> Any:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(remove.os, "scandir", counted)
    remove_name(folder, b"tree")
    assert len(listed) <= (201 if full else 1)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("moment", range(1, 12))
def test_a_writer_who_moves_what_is_being_emptied_leads_nobody_out(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """The directory in work goes further up: whoever went back by `..` would arrive above the tree, and go on there."""
    volumes = tmp_path / "volumes"
    inner = volumes / "x" / "_data" / "sub" / "volumes" / "x" / "_data" / "sub" / "deep"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    for other in (tmp_path / "config", volumes / "other" / "_data"):
        other.mkdir(parents=True)
        (other / "precious").touch()
    opened = []
    open_ = os.open

    def opening(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        descriptor = open_(path, flags, *arguments, **named)
        opened.append(descriptor)
        if len(opened) == moment:
            link = os.readlink(f"/proc/self/fd/{descriptor}")
            if link.startswith(f"{volumes}/x/"):
                os.rename(link, volumes / "x" / "moved")
        return descriptor

    directory = open_(volumes, os.O_RDONLY | os.O_DIRECTORY)
    monkeypatch.setattr(remove.os, "open", opening)
    remove_name(directory, b"x")
    monkeypatch.undo()
    os.close(directory)
    assert (tmp_path / "config" / "precious").exists()
    assert (volumes / "other" / "_data" / "precious").exists()
