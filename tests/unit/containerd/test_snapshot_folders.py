"""Directories that nobody knows are removed while others are being made."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from slipway.containerd.snapshots import folders
from slipway.containerd.snapshots.folders import Folders


@pytest.fixture
def while_looking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have another thread's work be done beside the look into the folder."""

    def beside(*, before: Callable[[], object] = int, after: Callable[[], object] = int) -> None:
        def look(path: str) -> list[str]:
            before()
            names = listdir(path)
            after()
            return names

        listdir = os.listdir
        monkeypatch.setattr(folders.os, "listdir", look)  # type: ignore[attr-defined]

    return beside


def test_what_is_begun_meanwhile_stays(tmp_path: Path, while_looking: Callable[..., None]) -> None:
    made = Folders(str(tmp_path))
    with ExitStack() as stack:
        begun: list[str] = []
        while_looking(before=lambda: begun.append(stack.enter_context(made.new())))
        made.set_aside(made.unknown(set()))
        assert Path(begun[0]).is_dir()


def test_what_is_given_up_meanwhile_is_no_error(tmp_path: Path, while_looking: Callable[..., None]) -> None:
    made = Folders(str(tmp_path))
    with ExitStack() as stack:
        stack.enter_context(made.new())
        while_looking(after=stack.close)
        made.set_aside(made.unknown(set()))
    made.remove_set_aside()
    assert not [*Path(made.path).iterdir()]


def test_what_nobody_knows_goes(tmp_path: Path) -> None:
    made = Folders(str(tmp_path))
    for name in ("1", "2", "new-1-0"):
        (Path(made.path) / name).mkdir()
    made.set_aside(made.unknown({"2"}))
    made.remove_set_aside()
    assert [path.name for path in Path(made.path).iterdir()] == ["2"]


def test_a_directory_takes_the_place_of_one_that_was_torn(tmp_path: Path) -> None:
    made = Folders(str(tmp_path))
    for snapshot in (1, 2):  # there or not
        if snapshot == 1:
            (Path(made.path) / "1/torn").mkdir(parents=True)
        with made.new() as new:
            (Path(new) / "whole").touch()
            made.replace(new, snapshot)
        assert [path.name for path in Path(made.of(snapshot)).iterdir()] == ["whole"]
    made.remove_set_aside()
    assert sorted(path.name for path in Path(made.path).iterdir()) == ["1", "2"]
