"""Reads small files of a container's root file system straight from its layers, without mounting it.

Only regular files, opened by descriptors that cannot leave the layer: /etc/passwd may be a FIFO, a link or huge
(CVE-2024-9676). Everything here blocks on the disk.
"""

import errno
import os
import stat
from collections.abc import Sequence
from typing import Final

from slipway.archive.overlay_marks import is_opaque, is_whiteout
from slipway.base.errors import InvalidArgument
from slipway.contracts.containerd_api.types import Mount
from slipway.linux.resolve import open_in_root

LIMIT: Final = 1024 * 1024


def layer_folders(mounts: Sequence[Mount]) -> list[str]:
    """The folders that make up a snapshot, the upmost first. Empty for a kind of mount that has none."""
    if len(mounts) != 1:
        return []
    mount = mounts[0]
    if mount.type == "bind":
        return [mount.source]
    if mount.type != "overlay":
        return []
    options = dict(option.partition("=")[::2] for option in mount.options)
    upper = [options["upperdir"]] if "upperdir" in options else []
    return upper + [folder for folder in options.get("lowerdir", "").split(":") if folder]


def read_rootfs_file(folders: Sequence[str], path: str) -> bytes:
    """The bytes of the file at `path` as overlay shows it; b"" when there is none. Raises InvalidArgument if it is no
    regular file or has more than LIMIT bytes."""
    for folder in folders:
        try:
            root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            data, is_last = _read_in_layer(root, path)
        finally:
            os.close(root)
        if data is not None or is_last:
            return data or b""
    return b""


def _read_in_layer(root: int, path: str) -> tuple[bytes | None, bool]:
    """The file's bytes, or None, and whether layers below are hidden."""
    try:
        place = open_in_root(root, path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None, _hides_lower(root, os.path.dirname(path))
        raise InvalidArgument(f"read {path} of the image: {error.strerror}") from error
    try:
        return _read_regular(place, path), True
    finally:
        os.close(place)


def _read_regular(place: int, path: str) -> bytes | None:
    """None for a whiteout. What is no file is not even opened: a container may make any device node there, and opening
    one of the host's has effects (a watchdog starts, a tape winds)."""
    status = os.fstat(place)
    if is_whiteout(status):
        return None
    if not stat.S_ISREG(status.st_mode):
        raise InvalidArgument(f"read {path} of the image: not a regular file")
    if status.st_size > LIMIT:
        raise InvalidArgument(f"read {path} of the image: it has more than {LIMIT} bytes")
    file = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, LIMIT)
    finally:
        os.close(file)


def _hides_lower(root: int, folder: str) -> bool:
    """Whether `folder` exists here and is opaque, or is no folder any more."""
    try:
        descriptor = open_in_root(root, folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        return error.errno == errno.ENOTDIR
    try:
        return is_opaque(descriptor)
    finally:
        os.close(descriptor)
