"""Mounts by descriptor: trees are cloned or made detached, given their attributes, then attached onto a descriptor.

No function here takes a path inside another root. Needs Linux 5.12 (mount_setattr); flags: `linux/mount_flags.py`.
"""

import errno
import os
import struct

from slipway.linux import syscalls
from slipway.linux.libc import libc_call, os_error, system_call
from slipway.linux.mount_flags import (
    MOUNT_ATTR_ATIME,
    MOUNT_ATTR_IDMAP,
    MOUNT_ATTR_NOATIME,
    MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOSYMFOLLOW,
    MOUNT_ATTR_STRICTATIME,
    MS_BIND,
    MS_MOVE,
    MS_REC,
)

# The length that fsconfig(2) takes of one value, with its NUL.
_OPTION_LIMIT = 256
_PAGE = os.sysconf("SC_PAGE_SIZE")

_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOVE_MOUNT_T_EMPTY_PATH = 0x40
_FSOPEN_CLOEXEC = 1
_FSMOUNT_CLOEXEC = 1
_FSCONFIG_SET_FLAG = 0
_FSCONFIG_SET_STRING = 1
_FSCONFIG_CMD_CREATE = 6
# statfs(2): ST_RDONLY, ST_NOSUID, ST_NODEV and ST_NOEXEC have the bits of their MOUNT_ATTR_* flags.
_SAME_FLAGS = 0xF
_ST_NOATIME = 0x400
_ST_RELATIME = 0x1000
_STATUS_FLAGS = ((_ST_NOATIME, MOUNT_ATTR_NOATIME), (0x800, MOUNT_ATTR_NODIRATIME), (0x2000, MOUNT_ATTR_NOSYMFOLLOW))


def clone_path(path: str, *, recursive: bool) -> int:
    """A detached copy of the mount at a path of the host, following links; `recursive` takes what is mounted below."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    return system_call(syscalls.OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags, what=path)


def clone_descriptor(descriptor: int, *, recursive: bool = False) -> int:
    """A detached copy of the mount that a descriptor (O_PATH will do) points into."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    return system_call(syscalls.OPEN_TREE, descriptor, b"", flags, what="open_tree")


def set_attributes(mount: int, *, add: int = 0, clear: int = 0, propagation: int = 0, recursive: bool = False) -> None:
    """Change MOUNT_ATTR_* flags and propagation (MS_PRIVATE, ...) of the mount behind a descriptor."""
    flags = _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    if add & MOUNT_ATTR_ATIME or clear & MOUNT_ATTR_ATIME:
        clear |= MOUNT_ATTR_ATIME  # the access time modes are an enumeration: the kernel wants the field cleared whole
    attributes = struct.pack("=QQQQ", add, clear, propagation, 0)
    system_call(syscalls.MOUNT_SETATTR, mount, b"", flags, attributes, len(attributes), what="mount_setattr")


def map_ids(mount: int, user_namespace: int, *, recursive: bool) -> None:
    """Show a detached mount's owners through the mappings of a user namespace (mount_setattr(2), ID-mapped mounts).

    Raises OSError: EINVAL for a file system that cannot be mapped, or a mount that is mapped already.
    """
    flags = _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    attributes = struct.pack("=QQQQ", MOUNT_ATTR_IDMAP, 0, 0, user_namespace)
    system_call(syscalls.MOUNT_SETATTR, mount, b"", flags, attributes, len(attributes), what="mount_setattr")


def attributes_of(descriptor: int) -> int:
    """The MOUNT_ATTR_* flags of the mount that a descriptor points into."""
    flags = os.fstatvfs(descriptor).f_flag
    attributes = flags & _SAME_FLAGS
    for status, attribute in _STATUS_FLAGS:
        if flags & status:
            attributes |= attribute
    if not flags & (_ST_NOATIME | _ST_RELATIME):
        attributes |= MOUNT_ATTR_STRICTATIME  # has no flag of its own
    return attributes


def mount_onto(path: str, source: str, kind: str, flags: int, data: str) -> None:
    """mount(2). `path` should lead through a descriptor (/proc/self/fd/N): then it cannot be changed meanwhile."""
    words = os.fsencode(data) if data else None
    if words is not None and len(words) >= _PAGE:  # the kernel reads one page, and would cut the rest off
        raise os_error(errno.ENAMETOOLONG, f"mount options of {len(words)} bytes (mount takes {_PAGE - 1})")
    libc_call("mount", os.fsencode(source), os.fsencode(path), os.fsencode(kind), flags, words, what=f"mount {kind}")


def attach(mount: int, target: int) -> None:
    """Mount a detached tree onto the file or directory behind `target`, and nowhere else."""
    flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH
    system_call(syscalls.MOVE_MOUNT, mount, b"", target, b"", flags, what="move_mount")


def new_filesystem(kind: str, source: str, options: "list[tuple[str, str | None]]", attributes: int) -> int:
    """A detached mount of a new file system instance. An option without value is a flag.

    Raises OSError with the kernel's own words where it gives them.
    """
    context = system_call(syscalls.FSOPEN, os.fsencode(kind), _FSOPEN_CLOEXEC, what=f"file system {kind}")
    try:
        if source:
            _configure(context, "source", source)
        for key, value in options:
            _configure(context, key, value)
        system_call(syscalls.FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0, what=f"create {kind}")
        return system_call(syscalls.FSMOUNT, context, _FSMOUNT_CLOEXEC, attributes, what=f"mount {kind}")
    except OSError as error:
        raise _with_kernel_words(context, error) from None
    finally:
        os.close(context)


def _configure(context: int, key: str, value: "str | None") -> None:
    what = key if value is None else f"{key}={value}"
    if value is None:
        system_call(syscalls.FSCONFIG, context, _FSCONFIG_SET_FLAG, os.fsencode(key), None, 0, what=what)
        return
    text = os.fsencode(value)
    if len(text) >= _OPTION_LIMIT:
        raise os_error(errno.ENAMETOOLONG, f"mount option {key} (fsconfig takes {_OPTION_LIMIT - 1} bytes)")
    system_call(syscalls.FSCONFIG, context, _FSCONFIG_SET_STRING, os.fsencode(key), text, 0, what=what)


def _with_kernel_words(context: int, error: OSError) -> OSError:
    """The file system context is also a log: `e tmpfs: Bad value for 'size'`."""
    try:
        words = os.read(context, 512).decode("utf-8", "replace").strip()
    except OSError:
        return error
    return OSError(error.errno, error.strerror, f"{error.filename} ({words[2:]})")


def change_propagation(path: str, flags: int) -> None:
    """Classic mount(2) that only changes propagation: of the host's paths, in a mount namespace of our own."""
    libc_call("mount", None, os.fsencode(path), None, flags, None, what=path)


def bind_onto_itself(path: str) -> None:
    """Make a path a mount point, as pivot_root wants."""
    name = os.fsencode(path)
    libc_call("mount", name, name, None, MS_BIND | MS_REC, None, what=path)


def move_to_root(path: str) -> None:
    """Move the mount at `path` onto `/` (for --no-pivot)."""
    libc_call("mount", os.fsencode(path), b"/", None, MS_MOVE, None, what=path)


def unmount(path: str, flags: int = 0) -> None:
    libc_call("umount2", os.fsencode(path), flags, what=path)


def pivot_root_here() -> None:
    """pivot_root(".", "."): the old root then lies on top of the new one, and `umount2(".", MNT_DETACH)` drops it.

    Source: pivot_root(2), NOTES.
    """
    system_call(syscalls.PIVOT_ROOT, b".", b".", what="pivot_root")
