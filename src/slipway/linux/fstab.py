"""Mounts as fstab(5) and containerd write them: type, source and a list of options; mount(2) and umount2(2) by path.

Only for paths of the host that no container can change. Into a container mount by descriptor: mounts.py.
"""

from __future__ import annotations

import errno
import os

from slipway.linux import mount_flags, mounts
from slipway.linux.libc import libc_call

_PAGE = 4096  # mount(2) takes at most a page of data

_SET = {
    "bind": mount_flags.MS_BIND,
    "rbind": mount_flags.MS_BIND | mount_flags.MS_REC,
    "ro": mount_flags.MS_RDONLY,
    "nosuid": mount_flags.MS_NOSUID,
    "nodev": mount_flags.MS_NODEV,
    "noexec": mount_flags.MS_NOEXEC,
    "sync": mount_flags.MS_SYNCHRONOUS,
    "dirsync": mount_flags.MS_DIRSYNC,
    "remount": mount_flags.MS_REMOUNT,
    "mand": mount_flags.MS_MANDLOCK,
    "noatime": mount_flags.MS_NOATIME,
    "nodiratime": mount_flags.MS_NODIRATIME,
    "relatime": mount_flags.MS_RELATIME,
    "strictatime": mount_flags.MS_STRICTATIME,
}
_CLEAR = {
    "rw": mount_flags.MS_RDONLY,
    "suid": mount_flags.MS_NOSUID,
    "dev": mount_flags.MS_NODEV,
    "exec": mount_flags.MS_NOEXEC,
    "async": mount_flags.MS_SYNCHRONOUS,
    "nomand": mount_flags.MS_MANDLOCK,
    "atime": mount_flags.MS_NOATIME,
    "diratime": mount_flags.MS_NODIRATIME,
    "norelatime": mount_flags.MS_RELATIME,
    "nostrictatime": mount_flags.MS_STRICTATIME,
    "defaults": 0,
}
_PROPAGATION = {
    "private": mount_flags.MS_PRIVATE,
    "rprivate": mount_flags.MS_PRIVATE | mount_flags.MS_REC,
    "shared": mount_flags.MS_SHARED,
    "rshared": mount_flags.MS_SHARED | mount_flags.MS_REC,
    "slave": mount_flags.MS_SLAVE,
    "rslave": mount_flags.MS_SLAVE | mount_flags.MS_REC,
    "unbindable": mount_flags.MS_UNBINDABLE,
    "runbindable": mount_flags.MS_UNBINDABLE | mount_flags.MS_REC,
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
    if flags & mount_flags.MS_BIND and flags & mount_flags.MS_RDONLY:
        # mount(2): binding ignores all other flags, a second call sets them
        _mount(source, target, "", flags | mount_flags.MS_REMOUNT, data)
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
            mounts.unmount(target, mount_flags.MNT_DETACH | _UMOUNT_NOFOLLOW)
        found = True
