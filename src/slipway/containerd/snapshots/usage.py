"""What a tree takes on disk: blocks and inodes, each inode once, whatever names it has."""

import os

from slipway.containerd.snapshots.model import SnapshotUsage

_SECTOR = 512  # the unit of st_blocks (stat(2))


def usage_of(path: str) -> SnapshotUsage:
    """Count the tree at `path`, itself included. What vanishes while it is counted is left out."""
    seen: set[tuple[int, int]] = set()
    size = 0
    waiting = [path]
    found = os.lstat(path)
    seen.add((found.st_dev, found.st_ino))
    size += found.st_blocks * _SECTOR
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    if (found.st_dev, found.st_ino) not in seen:
                        seen.add((found.st_dev, found.st_ino))
                        size += found.st_blocks * _SECTOR
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue
    return SnapshotUsage(size=size, inodes=len(seen))
