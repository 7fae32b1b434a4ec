"""What a tree takes on disk: blocks and inodes, each inode once, whatever names it has."""

from slipway.archive.tree_entries import tree_inodes
from slipway.containerd.snapshots.model import SnapshotUsage

_SECTOR = 512  # the unit of st_blocks (stat(2))


def usage_of(path: str) -> SnapshotUsage:
    """Count the tree at `path`, itself included. What vanishes while it is counted is left out."""
    size = inodes = 0
    for found in tree_inodes(path):
        size += found.st_blocks * _SECTOR
        inodes += 1
    return SnapshotUsage(size=size, inodes=inodes)
