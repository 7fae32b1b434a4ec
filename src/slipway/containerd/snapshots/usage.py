"""What a tree takes on disk: blocks and inodes, each inode once, whatever names it has."""

import stat

from slipway.archive.tree_entries import tree_entries
from slipway.containerd.snapshots.model import SnapshotUsage

_SECTOR = 512  # the unit of st_blocks (stat(2))


def usage_of(path: str) -> SnapshotUsage:
    """Count the tree at `path`, itself included. What vanishes while it is counted is left out."""
    linked: set[tuple[int, int]] = set()
    size = inodes = 0
    for found in tree_entries(path):
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            inode = found.st_dev, found.st_ino
            if inode in linked:
                continue
            linked.add(inode)
        size += found.st_blocks * _SECTOR
        inodes += 1
    return SnapshotUsage(size=size, inodes=inodes)
