"""Folders that a daemon makes for itself."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.service.claims import make_folder


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_nobody_else_may_write_to_what_is_made_above_it(tmp_path: Path) -> None:
    """Who may rename a parent may put another folder in its place. CVE-2021-41091 was such a mode."""
    make_folder(f"{tmp_path}/a/b/data", mode=0o710, what="data folder")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/data")]
    assert modes == [0o711, 0o711, 0o710]
