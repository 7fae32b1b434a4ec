"""What a tree has on disk, counted while its owner may do with it what he likes."""

import os
import tracemalloc
from pathlib import Path

from slipway.archive.remove import remove_name
from slipway.archive.tree_entries import tree_entries
from slipway.containerd.snapshots.usage import usage_of


def test_each_inode_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    file = tmp_path / "a" / "file"
    file.write_bytes(bytes(10_000))
    os.link(file, tmp_path / "a" / "b" / "other")
    (tmp_path / "link").symlink_to("/")
    usage = usage_of(str(tmp_path))
    assert usage.inodes == 5
    paths = (tmp_path, tmp_path / "a", tmp_path / "a" / "b", file, tmp_path / "link")
    assert usage.size == sum(os.lstat(path).st_blocks for path in paths) * 512


def test_neither_depth_nor_width_takes_memory(tmp_path: Path) -> None:
    """A thousand directories, at the end of a path of 50,000 bytes: their paths together have 50 MB."""
    here = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(200):
        os.mkdir("x" * 250, dir_fd=here)
        below = os.open("x" * 250, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    for number in range(1000):
        os.mkdir(str(number), dir_fd=here)
    os.close(here)
    tracemalloc.start()
    try:
        assert sum(1 for _ in tree_entries(str(tmp_path))) == 1201
        assert tracemalloc.get_traced_memory()[1] < 5 << 20
    finally:
        tracemalloc.stop()
        top = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        remove_name(top, b"x" * 250)  # too deep for pytest
        os.close(top)
