"""Paths inside another root, by the real kernel."""

import os
import subprocess
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


CLIMBS = [
    f"{start}{'../' * count}outside/new"
    for start in ("nosuch/", "/nosuch/", "nosuch/deeper/", "nosuch/./../nosuch/", "there/nosuch/")
    for count in (1, 2, 3, 9)
]


@pytest.mark.parametrize("climb", CLIMBS)
@pytest.mark.parametrize("way", ["path", "link", "link below a link"])
def test_dots_behind_what_is_missing_do_not_climb_out(root: tuple[int, Path], climb: str, way: str) -> None:
    """A parent that was just made is left by its `..`, and the root's own `..` is the host's."""
    descriptor, directory = root
    (directory.parent / "outside").mkdir()
    (directory / "there").mkdir()
    (directory / "link").symlink_to(climb)
    (directory / "second").symlink_to("nosuch/../link")
    path = {"path": climb, "link": "link", "link below a link": "second"}[way]
    assert where(resolve.make_directories(descriptor, f"{path}/x")).startswith(f"{directory}/")
    assert where(resolve.make_file(descriptor, f"{path}/y")).startswith(f"{directory}/")
    assert where(resolve.make_file(descriptor, path)).startswith(f"{directory}/")
    assert not list((directory.parent / "outside").iterdir())
    assert {entry.name for entry in directory.parent.iterdir()} == {"outside", "root"}


@pytest.mark.parametrize("path", ["nosuch/..", "nosuch/../..", "nosuch/../../..", "/..", "nosuch/../."])
def test_dots_at_the_end_lead_to_the_root_at_most(root: tuple[int, Path], path: str) -> None:
    descriptor, directory = root
    (directory / "link").symlink_to(path)
    for name in (path, "link"):
        assert where(resolve.make_directories(descriptor, name)) == str(directory)
        assert where(resolve.make_file(descriptor, name)) == str(directory)


def test_a_path_may_be_as_deep_as_a_path_may_be_long(root: tuple[int, Path]) -> None:
    """One call inside the other for each name ended at Python's limit."""
    descriptor, directory = root
    made = resolve.make_directories(descriptor, "/a" * 1900)
    try:
        assert os.path.samestat(os.fstat(made), os.stat(f"/proc/self/fd/{descriptor}{'/a' * 1900}"))
    finally:
        os.close(made)
        subprocess.run(["rm", "-rf", directory / "a"], check=True)  # pytest's own way to remove it ends at that limit
