"""How many bytes a volume's files have."""

import stat
from typing import Final

from slipway.archive.tree_entries import tree_inodes

UNKNOWN: Final = -1


def volume_size(mountpoint: str) -> int:
    """The lengths of all files, each inode once, as the original counts; UNKNOWN if they cannot be seen. Blocks."""
    try:
        return sum(found.st_size for found in tree_inodes(mountpoint) if not stat.S_ISDIR(found.st_mode))
    except OSError:
        return UNKNOWN
