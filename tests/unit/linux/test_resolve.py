"""Paths inside another root, by the real kernel."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.linux import resolve


@pytest.fixture
def root(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    directory = tmp_path / "root"
    directory.mkdir()
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    yield descriptor, directory
    os.close(descriptor)


def where(descriptor: int) -> str:
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    os.close(descriptor)
    return path


def test_links_and_dots_stay_inside(root: tuple[int, Path]) -> None:
    descriptor, directory = root
    (directory / "etc").mkdir()
    (directory / "absolute").symlink_to("/etc")
    (directory / "climbing").symlink_to("../../../../etc")
    for path in ("/etc", "etc", "absolute", "climbing", "../../etc", "/../etc/."):
        assert where(resolve.open_in_root(descriptor, path)) == f"{directory}/etc"


def test_magic_links_are_refused(root: tuple[int, Path]) -> None:
    descriptor = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        with pytest.raises(OSError, match="symbolic links"):
            resolve.open_in_root(descriptor, "/proc/self/root/etc")
    finally:
        os.close(descriptor)


def test_missing_directories_are_made(root: tuple[int, Path]) -> None:
    descriptor, directory = root
    assert where(resolve.make_directories(descriptor, "/a/b/c")) == f"{directory}/a/b/c"
    assert where(resolve.make_directories(descriptor, "a/b/c/")) == f"{directory}/a/b/c"
    assert where(resolve.make_directories(descriptor, "/")) == str(directory)


def test_a_dangling_link_is_followed_inside(root: tuple[int, Path]) -> None:
    descriptor, directory = root
    (directory / "var").mkdir()
    (directory / "var/run").symlink_to("/run")
    (directory / "relative").symlink_to("new/folder")
    assert where(resolve.make_directories(descriptor, "/var/run/docker")) == f"{directory}/run/docker"
    assert where(resolve.make_directories(descriptor, "/relative/x")) == f"{directory}/new/folder/x"
    assert not os.path.exists("/new")


def test_a_file_is_made_where_a_dangling_link_points(root: tuple[int, Path]) -> None:
    descriptor, directory = root
    (directory / "link").symlink_to("/real/file")
    assert where(resolve.make_file(descriptor, "/link")) == f"{directory}/real/file"
    assert (directory / "real/file").is_file()


def test_a_ring_of_links_ends(root: tuple[int, Path]) -> None:
    descriptor, directory = root
    (directory / "a").symlink_to("b")
    (directory / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        resolve.make_directories(descriptor, "/a/x")


def test_a_file_in_the_way_is_an_error(root: tuple[int, Path]) -> None:
    descriptor, directory = root
    (directory / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        resolve.make_directories(descriptor, "/file/x")
