"""What a tree takes on disk: blocks and inodes, each inode once, whatever names it has."""

from slipway.archive.tree_entries import tree_entries
from slipway.containerd.snapshots.model import SnapshotUsage

_SECTOR = 512  # the unit of st_blocks (stat(2))


def usage_of(path: str) -> SnapshotUsage:
    """Count the tree at `path`, itself included. What vanishes while it is counted is left out."""
    sizes: dict[tuple[int, int], int] = {}
    for found in tree_entries(path):
        sizes[found.st_dev, found.st_ino] = found.st_blocks * _SECTOR
    return SnapshotUsage(size=sum(sizes.values()), inodes=len(sizes))
