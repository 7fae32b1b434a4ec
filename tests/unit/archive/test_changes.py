"""Two trees compared, or an upper directory read, and written as a layer: what is in it, and how deep it may be."""

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.archive.changes import write_difference, write_upper
from slipway.archive.overlay_marks import is_upper_whole
from slipway.archive.tar_writer import TarWriter

DEEP = 1500  # more than Python's stack, and its path is one that the kernel takes


def names_of(write: Callable[[TarWriter], None]) -> list[str]:
    layer = io.BytesIO()
    writer = TarWriter(layer.write)
    write(writer)
    writer.end()
    layer.seek(0)
    with tarfile.open(fileobj=layer) as archive:
        return archive.getnames()


@pytest.mark.parametrize("kind", ["upper", "everything is new", "nothing but the last is new"])
def test_folders_nested_deeper_than_the_stack_of_python(trees: tuple[Path, Path, int, int], kind: str) -> None:
    before, after, old, new = trees
    depths = {str(after): DEEP}
    if kind == "nothing but the last is new":
        depths[str(before)] = DEEP - 1
    for root, depth in depths.items():
        for down in range(1, depth + 1):
            os.mkdir(root + "/d" * down)
    try:
        if kind == "upper":
            found = names_of(lambda writer: write_upper(writer, new))
        else:
            found = names_of(lambda writer: write_difference(writer, old if len(depths) > 1 else None, new))
        assert found == ["/".join("d" * depth) for depth in range(1, DEEP + 1)]
    finally:
        for root, depth in depths.items():  # not left to pytest, which removes folders by recursion
            for up in range(depth, 0, -1):
                os.rmdir(root + "/d" * up)


def test_what_is_new_changed_and_gone(trees: tuple[Path, Path, int, int]) -> None:
    before, after, old, new = trees
    for tree in (before, after):
        (tree / "same").mkdir()
        (tree / "same" / "file").write_text("x")
        os.utime(tree / "same" / "file", (1, 1))
        (tree / "became").mkdir()
    (before / "same" / "gone").touch()
    (before / "became" / "file").touch()
    (after / "became").rmdir()
    (after / "became").symlink_to("/")
    (after / "new").mkdir()
    (after / "new" / "file").touch()
    (after / "same" / "later").touch()
    found = names_of(lambda writer: write_difference(writer, old, new))
    assert found == ["became", "new", "new/file", "same", "same/.wh.gone", "same/later"]


def test_a_file_of_the_same_time_and_size_is_compared_by_its_content(trees: tuple[Path, Path, int, int]) -> None:
    before, after, old, new = trees
    for tree, words in ((before, "one"), (after, "two")):
        for name, time in (("whole", 1_000_000_000), ("exact", 1_000_000_001)):
            (tree / name).write_text(words)
            os.utime(tree / name, ns=(time, time))
        (tree / "link").symlink_to(words)
        os.utime(tree / "link", (1, 1), follow_symlinks=False)
        (tree / "same").write_text("same")
        os.utime(tree / "same", (1, 1))
    assert names_of(lambda writer: write_difference(writer, old, new)) == ["link", "whole"]


def test_a_new_name_of_a_file_that_stays_is_a_link(trees: tuple[Path, Path, int, int]) -> None:
    before, after, old, new = trees
    for tree in (before, after):
        (tree / "file").write_text("x")
        os.utime(tree / "file", (1, 1))
    os.link(after / "file", after / "after it")
    os.link(after / "file", after / "zz")
    layer = io.BytesIO()
    writer = TarWriter(layer.write)
    write_difference(writer, old, new)
    writer.end()
    layer.seek(0)
    with tarfile.open(fileobj=layer) as archive:
        found = {entry.name: entry.linkname for entry in archive.getmembers()}
    assert found == {"after it": "", "file": "after it", "zz": "after it"}


@pytest.mark.parametrize(
    ("parameters", "whole"),
    [({}, True), ({"redirect_dir": "N\n", "metacopy": "N\n"}, True), ({"metacopy": "Y\n"}, False)],
)
def test_an_upper_directory_may_lack_what_was_renamed(tmp_path: Path, parameters: dict[str, str], whole: bool) -> None:
    for name, value in parameters.items():
        (tmp_path / name).write_text(value)
    assert is_upper_whole(str(tmp_path)) is whole
