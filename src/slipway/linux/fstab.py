"""Mounts as fstab(5) and containerd write them: type, source and a list of options; mount(2) and umount2(2) by path.

Only for paths of the host that no container can change. Into a container mount by descriptor: mounts.py.
"""

from __future__ import annotations

import errno
import os

from slipway.linux import mounts
from slipway.linux.libc import libc_call

_PAGE = 4096  # mount(2) takes at most a page of data

_SET = {
    "bind": mounts.MS_BIND,
    "rbind": mounts.MS_BIND | mounts.MS_REC,
    "ro": mounts.MS_RDONLY,
    "nosuid": mounts.MS_NOSUID,
    "nodev": mounts.MS_NODEV,
    "noexec": mounts.MS_NOEXEC,
    "sync": mounts.MS_SYNCHRONOUS,
    "dirsync": mounts.MS_DIRSYNC,
    "remount": mounts.MS_REMOUNT,
    "mand": mounts.MS_MANDLOCK,
    "noatime": mounts.MS_NOATIME,
    "nodiratime": mounts.MS_NODIRATIME,
    "relatime": mounts.MS_RELATIME,
    "strictatime": mounts.MS_STRICTATIME,
}
_CLEAR = {
    "rw": mounts.MS_RDONLY,
    "suid": mounts.MS_NOSUID,
    "dev": mounts.MS_NODEV,
    "exec": mounts.MS_NOEXEC,
    "async": mounts.MS_SYNCHRONOUS,
    "nomand": mounts.MS_MANDLOCK,
    "atime": mounts.MS_NOATIME,
    "diratime": mounts.MS_NODIRATIME,
    "norelatime": mounts.MS_RELATIME,
    "nostrictatime": mounts.MS_STRICTATIME,
    "defaults": 0,
}
_PROPAGATION = {
    "private": mounts.MS_PRIVATE,
    "rprivate": mounts.MS_PRIVATE | mounts.MS_REC,
    "shared": mounts.MS_SHARED,
    "rshared": mounts.MS_SHARED | mounts.MS_REC,
    "slave": mounts.MS_SLAVE,
    "rslave": mounts.MS_SLAVE | mounts.MS_REC,
    "unbindable": mounts.MS_UNBINDABLE,
    "runbindable": mounts.MS_UNBINDABLE | mounts.MS_REC,
}
_UMOUNT_NOFOLLOW = 8
_LAYERS = ("lowerdir=", "upperdir=", "workdir=")


def parse_options(options: tuple[str, ...] | list[str]) -> tuple[int, int, str]:
    """(flags of mount(2), propagation flags, data for the file system) of fstab options."""
    flags = propagation = 0
    data = []
    for option in options:
        if option in _SET:
            flags |= _SET[option]
        elif option in _CLEAR:
            flags &= ~_CLEAR[option]
        elif option in _PROPAGATION:
            propagation |= _PROPAGATION[option]
        elif option != "loop":
            data.append(option)
    return flags, propagation, ",".join(data)


def mount(kind: str, source: str, target: str, options: tuple[str, ...] | list[str]) -> None:
    """Mount a file system, or bind a path, at `target`. Raises OSError.

    Overlay layers whose paths fill more than a page are named relative to their common folder: this process changes
    its working directory for that moment, so such a mount must not run beside other threads.
    """
    flags, propagation, data = parse_options(options)
    if len(os.fsencode(data)) < _PAGE:
        _mount(source, target, kind, flags, data)
    else:
        folder, shorter = shorten_layers(data)
        if len(os.fsencode(shorter)) >= _PAGE:
            raise OSError(errno.E2BIG, "mount options are longer than a page", target)
        _mount_from(folder, source, target, kind, flags, shorter)
    if flags & mounts.MS_BIND and flags & mounts.MS_RDONLY:
        # mount(2): binding ignores all other flags, a second call sets them
        _mount(source, target, "", flags | mounts.MS_REMOUNT, data)
    if propagation:
        mounts.change_propagation(target, propagation)


def shorten_layers(data: str) -> tuple[str, str]:
    """(folder, data) where overlay's layers are named relative to `folder`, the longest that all have in common."""
    options = data.split(",")
    paths = [path for option in options if option.startswith(_LAYERS) for path in option.partition("=")[2].split(":")]
    if not paths or not all(path.startswith("/") for path in paths):
        return "/", data
    folder = os.path.commonpath(paths)
    shortened = [option.replace(f"{folder}/", "") if option.startswith(_LAYERS) else option for option in options]
    return folder, ",".join(shortened)


def _mount_from(folder: str, source: str, target: str, kind: str, flags: int, data: str) -> None:
    before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(folder)
        _mount(source, target, kind, flags, data)
    finally:
        os.fchdir(before)
        os.close(before)


def _mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
    libc_call(
        "mount",
        os.fsencode(source),
        os.fsencode(target),
        os.fsencode(kind),
        flags,
        os.fsencode(data) if data else None,
        what=f"mount {kind or 'bind'} on {target}",
    )


def unmount_all(target: str) -> bool:
    """Unmount whatever is stacked at `target`, and what lies below it; whether anything was. Raises OSError.

    A busy mount is detached: it goes when its last user does.
    """
    found = False
    while True:
        try:
            mounts.unmount(target, _UMOUNT_NOFOLLOW)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return found  # EINVAL: not a mount point (umount2(2))
            if error.errno != errno.EBUSY:
                raise
            mounts.unmount(target, mounts.MNT_DETACH | _UMOUNT_NOFOLLOW)
        found = True
