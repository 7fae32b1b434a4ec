"""How many bytes a volume's files have."""

import stat
from typing import Final

from slipway.archive.tree_entries import tree_entries

UNKNOWN: Final = -1


def volume_size(mountpoint: str) -> int:
    """The lengths of all files, each inode once, as the original counts; UNKNOWN if they cannot be seen. Blocks."""
    linked: set[tuple[int, int]] = set()
    size = 0
    try:
        for found in tree_entries(mountpoint):
            inode = found.st_dev, found.st_ino
            if stat.S_ISDIR(found.st_mode) or inode in linked:
                continue
            if found.st_nlink > 1:
                linked.add(inode)
            size += found.st_size
    except OSError:
        return UNKNOWN
    return size
