"""Two files that programs look for in every container of Docker: /.dockerenv, and /etc/mtab for old tools.

They are written into the new snapshot's own folder, by descriptors, before anything of the container runs. Blocks on
the disk.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress

from slipway.contracts.containerd_api.types import Mount
from slipway.dockerd.containers.files.rootfs_files import layer_folders

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def add_own_files(mounts: Sequence[Mount]) -> None:
    """`mounts` are those of a snapshot that nobody uses yet. What the image has under these names stays. Raises
    OSError."""
    folders = layer_folders(mounts)
    if not folders:
        return
    own = os.open(folders[0], _FOLDER)
    try:
        with suppress(FileExistsError):
            os.close(os.open(".dockerenv", _NEW, 0o755, dir_fd=own))
        if _makes_folder_for_mtab(own, folders[1:]):
            with suppress(FileExistsError):
                os.symlink("/proc/mounts", "etc/mtab", dir_fd=own)
    finally:
        os.close(own)


def _makes_folder_for_mtab(own: int, layers: Sequence[str]) -> bool:
    """Whether there is an /etc of the snapshot's own to write into: as the image's, which it covers from now on."""
    for layer in layers:
        with suppress(FileNotFoundError):
            found = os.lstat(f"{layer}/etc")
            if not stat.S_ISDIR(found.st_mode):
                return False
            if any(os.path.lexists(f"{each}/etc/mtab") for each in layers):
                return False
            os.mkdir("etc", 0o700, dir_fd=own)
            os.chown("etc", found.st_uid, found.st_gid, dir_fd=own)
            os.chmod("etc", stat.S_IMODE(found.st_mode), dir_fd=own)
            os.utime("etc", ns=(found.st_atime_ns, found.st_mtime_ns), dir_fd=own)
            return True
    with suppress(FileNotFoundError):
        return stat.S_ISDIR(os.lstat("etc", dir_fd=own).st_mode)  # a snapshot without layers has the image's own
    return False
