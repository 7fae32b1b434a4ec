"""Turning a directory into the root of this mount namespace, and leaving the host's behind."""

import errno
import os

from slipway.linux import mounts
from slipway.linux.libc import libc_call
from slipway.linux.mount_flags import MNT_DETACH, MS_PRIVATE, MS_REC, MS_SLAVE

_FULL_VIEWS = ("proc", "sysfs")


def prepare_root(rootfs: str, propagation: int) -> int:
    """Make `rootfs` (a real path) a mount of its own and open it (O_PATH).

    `propagation` (MS_*) is what the specification wants for the root; 0 means that nothing done here reaches the host.
    """
    mounts.change_propagation("/", propagation or MS_SLAVE | MS_REC)
    # pivot_root refuses a shared parent, and our mounts below a shared one would appear on the host.
    _make_parent_private(rootfs)
    mounts.bind_onto_itself(rootfs)
    return os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _make_parent_private(path: str) -> None:
    while True:
        try:
            mounts.change_propagation(path, MS_PRIVATE)
            return
        except OSError as error:
            if error.errno != errno.EINVAL or path == "/":  # EINVAL: not a mount point
                raise
        path = path.rpartition("/")[0] or "/"


def enter_root(root: int, *, own_mounts: bool, pivot: bool, propagation: int) -> None:
    """Make `root` this process's `/` and working directory. The host's tree is gone from the namespace afterwards."""
    if not own_mounts:
        os.fchdir(root)
        _chroot_here()
        return
    if pivot:
        _pivot(root)
    else:
        _move(root)
    if propagation and not propagation & MS_PRIVATE:
        mounts.change_propagation("/", propagation)


def _pivot(root: int) -> None:
    old = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fchdir(root)
        mounts.pivot_root_here()
        os.fchdir(old)
        # Slave, not private: somebody on the host may be unmounting there at this moment, and must not be held up.
        mounts.change_propagation(".", MS_SLAVE | MS_REC)
        mounts.unmount(".", MNT_DETACH)
    finally:
        os.close(old)
    os.chdir("/")


def _move(root: int) -> None:
    """Without pivot_root (the host runs from a ramdisk) the host's tree stays below: hide its /proc and /sys."""
    rootfs = os.readlink(f"/proc/self/fd/{root}")
    for path in _full_views(rootfs):
        mounts.change_propagation(path, MS_SLAVE | MS_REC)
        mounts.unmount(path, MNT_DETACH)
    os.chdir(rootfs)
    mounts.move_to_root(rootfs)
    _chroot_here()


def _full_views(rootfs: str) -> list[str]:
    """Mount points of whole proc and sysfs instances outside the rootfs, the deepest first."""
    found = []
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            fields, _, rest = line.decode().partition(" - ")
            _, _, _, tree, point = fields.split(" ")[:5]
            if tree == "/" and rest.split(" ")[0] in _FULL_VIEWS and not f"{point}/".startswith(f"{rootfs}/"):
                found.append(point)
    return found[::-1]


def _chroot_here() -> None:
    libc_call("chroot", b".", what="chroot")
    os.chdir("/")
