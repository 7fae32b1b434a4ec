"""What a tree takes on disk: blocks and inodes, each inode once, whatever names it has.

A running container may change the tree meanwhile: no link is followed, and no depth is too deep.
"""

import errno
import os
from collections.abc import Iterator

from slipway.containerd.snapshots.model import SnapshotUsage
from slipway.linux.resolve import RESOLVE_NO_SYMLINKS, open_in_root

_SECTOR = 512  # the unit of st_blocks (stat(2))
_LONGEST_PATH = 4095  # in one call (path_resolution(7))
_PIECE = 1000  # characters of path in one call where it is longer: of four bytes at most, and three names at least
_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def usage_of(path: str) -> SnapshotUsage:
    """Count the tree at `path`, itself included. What vanishes while it is counted is left out."""
    sizes: dict[tuple[int, int], int] = {}
    for found in _entries(path):
        sizes[found.st_dev, found.st_ino] = found.st_blocks * _SECTOR
    return SnapshotUsage(size=sum(sizes.values()), inodes=len(sizes))


def _entries(path: str) -> Iterator[os.stat_result]:
    root = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield os.fstat(root)
        waiting: list[str] = [""]
        while waiting:
            below = waiting.pop()
            try:
                directory = _open(root, below)
            except OSError as error:
                if error.errno not in _VANISHED:
                    raise
                continue
            try:
                with os.scandir(directory) as entries:
                    for entry in entries:
                        if (found := _status(entry)) is not None:
                            yield found
                            if entry.is_dir(follow_symlinks=False):
                                waiting.append(f"{below}/{entry.name}")
            finally:
                os.close(directory)
    finally:
        os.close(root)


def _status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _open(root: int, path: str) -> int:
    """The directory `path` below `root`, a few thousand bytes of path at a time."""
    here = os.dup(root)
    left = path
    while True:
        cut = len(left) if len(os.fsencode(left)) <= _LONGEST_PATH else left.rindex("/", 1, _PIECE)
        following, left = left[:cut], left[cut:]
        try:
            opened = open_in_root(here, following, os.O_RDONLY | os.O_DIRECTORY, resolve=RESOLVE_NO_SYMLINKS)
        finally:
            os.close(here)
        if not left:
            return opened
        here = opened
