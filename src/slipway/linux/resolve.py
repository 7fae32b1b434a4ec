"""Paths inside another root, resolved by the kernel: no link, `..` or race leads out (openat2 RESOLVE_IN_ROOT).

Descriptors are O_PATH and close-on-exec unless said otherwise.
"""

import errno
import os
import struct

from slipway.linux import syscalls
from slipway.linux.libc import os_error, system_call

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
# A rename anywhere on the machine during the walk makes the kernel answer EAGAIN (openat2(2)).
_ATTEMPTS = 128
_LINKS = 40


def open_in_root(root: int, path: str, flags: int = os.O_PATH, *, resolve: int = 0) -> int:
    """Open `path` below the directory `root` as if it were `/`. Raises OSError naming the path."""
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, _IN_ROOT | resolve)
    name = os.fsencode(path.lstrip("/") or ".")
    for attempt in range(_ATTEMPTS):
        try:
            return system_call(syscalls.OPENAT2, root, name, how, len(how), what=path)
        except OSError as error:
            if error.errno != errno.EAGAIN or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def make_directories(root: int, path: str, mode: int = 0o755, *, links: int = _LINKS) -> int:
    """Open the directory `path` below `root`, making what is missing, also where a dangling link points.

    What exists is used as it is. A crash leaves the directories made so far.
    """
    try:
        return open_in_root(root, path, os.O_PATH | os.O_DIRECTORY)
    except FileNotFoundError:
        pass
    parent_path, name = _split(path)
    parent = make_directories(root, parent_path, mode, links=links)
    try:
        try:
            os.mkdir(name, mode, dir_fd=parent)
        except FileExistsError:
            target = _link_target(parent, name, parent_path)
            if target is not None:
                return make_directories(root, target, mode, links=_one_less(links, path))
        return os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    finally:
        os.close(parent)


def make_file(root: int, path: str, mode: int = 0o644, *, links: int = _LINKS) -> int:
    """Open the file `path` below `root`, making it (empty) and its directories if they are missing."""
    try:
        return open_in_root(root, path)
    except FileNotFoundError:
        pass
    parent_path, name = _split(path)
    parent = make_directories(root, parent_path, links=links)
    try:
        try:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=parent))
        except FileExistsError:
            target = _link_target(parent, name, parent_path)
            if target is not None:
                return make_file(root, target, mode, links=_one_less(links, path))
        return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    finally:
        os.close(parent)


def _split(path: str) -> tuple[str, str]:
    parent, _, name = path.rstrip("/").rpartition("/")
    return parent, name


def _link_target(parent: int, name: str, parent_path: str) -> "str | None":
    """Where a dangling link points, as a path of the root; None if somebody else just made the thing itself."""
    try:
        target = os.readlink(name, dir_fd=parent)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None
        raise
    return target if target.startswith("/") else f"{parent_path}/{target}"


def _one_less(links: int, path: str) -> int:
    if not links:
        raise os_error(errno.ELOOP, path)
    return links - 1
