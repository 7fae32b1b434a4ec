"""What overlayfs writes into an upper directory about the layers below, and when an entry is the same as one below.

Source: the kernel's Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
"""

import os
import stat
from typing import Final

OPAQUE_XATTR: Final = "trusted.overlay.opaque"


def is_whiteout(found: os.stat_result) -> bool:
    """The lower entry of that name is deleted."""
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def is_opaque(folder: int | bytes) -> bool:
    """Nothing of the lower folder shows. By a descriptor, or by a path whose last part may not be a link."""
    try:
        return os.getxattr(folder, OPAQUE_XATTR, follow_symlinks=isinstance(folder, int)) == b"y"
    except OSError:
        return False  # no such attribute


def is_upper_whole(parameters: str = "/sys/module/overlay/parameters") -> bool:
    """Whether an upper directory holds all of what was changed in it. With these options of the module, whoever mounts,
    a folder that was renamed leaves what it holds below, and a file whose mode was changed its content."""
    for name in ("redirect_dir", "metacopy"):
        try:
            with open(f"{parameters}/{name}", encoding="ascii") as file:
                if file.read(1) in ("Y", "1"):
                    return False
        except FileNotFoundError:
            continue  # an older kernel, or one where overlayfs has never been mounted
    return True


def has_same_attributes(before: os.stat_result, after: os.stat_result) -> bool:
    """Mode and type, owners, and a device's numbers."""
    fields = ("st_mode", "st_uid", "st_gid", "st_rdev")
    return all(getattr(before, field) == getattr(after, field) for field in fields)
