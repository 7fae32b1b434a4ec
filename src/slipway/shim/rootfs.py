"""The container's root file system: mounted below the bundle as Create says, unmounted when the container is deleted.

The mounts stand in containerd's mount namespace, as the original's do, so that other tools find the files there.
"""

from __future__ import annotations

import os

from slipway.base.errors import EngineError
from slipway.contracts.shim_api.messages import Mount
from slipway.linux import fstab


def mount_rootfs(bundle: str, mounts: tuple[Mount, ...] | list[Mount]) -> str:
    """Mount all at bundle/rootfs, one on the other; that path, or "" without mounts. After a failure none is left."""
    if not mounts:
        return ""
    rootfs = f"{bundle}/rootfs"
    if not os.path.isdir(rootfs):
        os.mkdir(rootfs, 0o711)
    try:
        for mount in mounts:
            fstab.mount(mount.type, mount.source, _place(rootfs, mount.target), mount.options)
    except OSError as error:
        failed = EngineError(f"failed to mount rootfs component: {error.filename}: {error.strerror}")
        try:
            fstab.unmount_all(rootfs)
        except OSError as undo:
            failed.add_note(f"unmount {rootfs}: {undo}")
        raise failed from error
    return rootfs


def unmount_rootfs(rootfs: str) -> None:
    """Unmount all at `rootfs`; nothing there is fine. Raises EngineError."""
    if not rootfs:
        return
    try:
        fstab.unmount_all(rootfs)
    except OSError as error:
        raise EngineError(f"failed rootfs umount: {error.filename}: {error.strerror}") from error


def _place(rootfs: str, target: str) -> str:
    """A mount may name a place below; it must stay there, whatever links the image has on the way. Raises OSError.

    The answer has no links: nothing runs yet that could put one there before it is mounted at.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise EngineError(f"mount target {target!r} leads out of the root file system")
    if not parts:
        return rootfs
    from slipway.linux.resolve import open_in_root

    root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        place = open_in_root(root, "/".join(parts))
    finally:
        os.close(root)
    try:
        return os.readlink(f"/proc/self/fd/{place}")
    finally:
        os.close(place)
