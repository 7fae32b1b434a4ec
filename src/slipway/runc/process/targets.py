"""Where a mount of the container goes: found or made inside its root, and refused where it could do harm."""

import errno
import os
import stat

from slipway.base.errors import InvalidArgument
from slipway.linux import descriptors, resolve
from slipway.runc.process.workspace import Workspace

# What lxcfs mounts. Source: the original's list.
_ALLOWED_IN_PROC = frozenset(
    (
        "/proc/cpuinfo",
        "/proc/diskstats",
        "/proc/meminfo",
        "/proc/stat",
        "/proc/swaps",
        "/proc/uptime",
        "/proc/loadavg",
        "/proc/slabinfo",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/crypto/fips_enabled",
    )
)


def open_target(workspace: Workspace, destination: str, *, directory: bool, source: int = -1) -> int:
    """An O_PATH descriptor of the place to mount on; missing directories, or an empty file, are made.

    `source` is the tree to be bound, or -1 for a new file system. Raises InvalidArgument for the root itself and for
    places in /proc (CVE-2019-16884, CVE-2023-27561).
    """
    make = resolve.make_directories if directory else resolve.make_file
    try:
        target = resolve.open_in_root(workspace.root, destination)
    except FileNotFoundError:
        target = make(workspace.root, destination)
    try:
        _check(workspace, target, source)
    except BaseException:
        os.close(target)
        raise
    return target


def open_plain_directory(workspace: Workspace, destination: str, kind: str) -> int:
    """For proc and sysfs: no link may lead there (CVE-2019-19921)."""
    try:
        target = _open_without_links(workspace.root, destination)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise InvalidArgument(f'filesystem "{kind}" must be mounted on ordinary directory') from None
    if not stat.S_ISDIR(os.fstat(target).st_mode):
        os.close(target)
        raise InvalidArgument(f'filesystem "{kind}" must be mounted on ordinary directory')
    if kind != "proc":
        _check(workspace, target, -1)
    elif not _inside(workspace, target):
        os.close(target)
        raise InvalidArgument("mountpoint is on the top of rootfs")
    return target


def _open_without_links(root: int, destination: str) -> int:
    """Made if it is missing; then opened anew: a link may have come since, which making follows."""
    try:
        return resolve.open_in_root(root, destination, resolve=resolve.RESOLVE_NO_SYMLINKS)
    except FileNotFoundError:
        os.close(resolve.make_directories(root, destination))
    return resolve.open_in_root(root, destination, resolve=resolve.RESOLVE_NO_SYMLINKS)


def _inside(workspace: Workspace, target: int) -> str:
    """The target's path in the container, empty for its root."""
    path = workspace.path_of(target)
    prefix = workspace.rootfs.rstrip("/") + "/"
    return f"/{path[len(prefix) :]}" if path.startswith(prefix) else ""


def _check(workspace: Workspace, target: int, source: int) -> None:
    path = _inside(workspace, target)
    if not path:
        raise InvalidArgument(f'mountpoint "{workspace.path_of(target)}" is on the top of rootfs')
    if path == "/proc":
        if source < 0 or descriptors.file_system_type(source) != descriptors.PROC_SUPER_MAGIC:
            raise InvalidArgument(f'"{path}" cannot be mounted because it is not of type proc')
    elif path.startswith("/proc/") and path not in _ALLOWED_IN_PROC:
        raise InvalidArgument(f'"{path}" cannot be mounted because it is inside /proc')
