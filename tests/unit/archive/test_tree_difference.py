"""Two trees compared: hostile names and depths, and what the engine itself put there."""

import os
import stat
from pathlib import Path

from slipway.archive.tree_difference import Kind, differences


def test_folders_nested_deeper_than_the_stack_of_python_are_walked(trees: tuple[Path, Path, int, int]) -> None:
    _, after, old, new = trees
    place = str(after)
    for _ in range(1500):
        place += "/d"
        os.mkdir(place)
    assert len(differences(old, new, is_upper=False)) == 1500
    while place != str(after):  # not left to pytest, which removes folders by recursion
        os.rmdir(place)
        place = os.path.dirname(place)


def test_a_link_is_told_and_not_followed(trees: tuple[Path, Path, int, int], tmp_path: Path) -> None:
    _, after, old, new = trees
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").touch()
    (after / "link").symlink_to(tmp_path / "outside")
    assert differences(old, new, is_upper=False) == {"/link": Kind.ADDED}


def test_a_folder_that_became_a_link_is_changed_and_no_more(trees: tuple[Path, Path, int, int]) -> None:
    before, after, old, new = trees
    (before / "a").mkdir()
    (before / "a" / "b").touch()
    (after / "a").symlink_to("/")
    assert differences(old, new, is_upper=False) == {"/a": Kind.CHANGED}


def test_what_is_expected_is_no_addition_but_what_is_in_it_is(trees: tuple[Path, Path, int, int]) -> None:
    _, after, old, new = trees
    (after / "dev").mkdir()
    (after / "dev" / "mine").touch()
    (after / "etc").touch()  # a file, where a folder was expected
    expected = {"/dev": stat.S_IFDIR, "/etc": stat.S_IFDIR}
    found = differences(old, new, is_upper=False, expected=expected)
    assert found == {"/dev": Kind.CHANGED, "/dev/mine": Kind.ADDED, "/etc": Kind.ADDED}


def test_names_that_are_no_text_are_told(trees: tuple[Path, Path, int, int]) -> None:
    _, after, old, new = trees
    (after / os.fsdecode(b"\xff")).touch()
    assert differences(old, new, is_upper=False) == {os.fsdecode(b"/\xff"): Kind.ADDED}
