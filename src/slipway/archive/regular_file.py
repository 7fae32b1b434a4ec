"""Opens a file of a tree that its owner may change meanwhile."""

import os
import stat

from slipway.base.errors import Unavailable
from slipway.wire.tar import shown


def open_regular(directory: int, name: bytes) -> int:
    """For reading. Raises OSError; Unavailable where it is no regular file by now: only opening a device may act.

    The descriptor that is looked at is the one that is opened, by way of /proc.
    """
    place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise Unavailable(f"read {shown(name)}: it was replaced by what is no file")
        return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(place)
