"""Paths inside another root, resolved by the kernel: no link, `..` or race leads out (openat2 RESOLVE_IN_ROOT).

Descriptors are O_PATH and close-on-exec unless said otherwise.
"""

import errno
import os
import stat
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


def make_directories(root: int, path: str, mode: int = 0o755) -> int:
    """Open the directory `path` below `root`, making what is missing, also where a dangling link points.

    What exists is used as it is. A `..` behind something missing is taken back by its text: the kernel never gets one
    relative to a directory that we hold, as the root's own leads out. A crash leaves the directories made so far.
    """
    for _ in range(_LINKS + 1):
        directory, there, missing = _deepest(root, path)
        if ".." in missing:
            os.close(directory)
            path = f"{there}/{_without_dots(missing)}"
            continue
        directory, rest = _make_each(directory, missing, mode)
        if not rest:
            return directory
        made = "/".join([there, *missing[: len(missing) - len(rest)]])
        try:
            path = "/".join([_link_target(directory, rest[0], made), *rest[1:]])
        finally:
            os.close(directory)
    raise os_error(errno.ELOOP, path)


def make_file(root: int, path: str, mode: int = 0o644) -> int:
    """Open the file `path` below `root`, making it (empty) and its directories if they are missing."""
    for _ in range(_LINKS + 1):
        try:
            return open_in_root(root, path)
        except FileNotFoundError:
            pass
        parent_path, _, name = path.rstrip("/").rpartition("/")
        if name in (".", "..") or not name:
            return make_directories(root, path)
        parent = make_directories(root, parent_path)
        try:
            try:
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=parent))
            except FileExistsError:
                if _is_link(name, parent):
                    path = _link_target(parent, name, parent_path)
                    continue
            return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        finally:
            os.close(parent)
    raise os_error(errno.ELOOP, path)


def make_entry(directory: int, name: str, mode: int) -> int:
    """An O_PATH descriptor of `name` right in a directory, made as an empty file if it is missing.

    A link is refused (ELOOP), and a folder (EISDIR); anything else is not opened: a FIFO would hold us, and opening a
    device can do things.
    """
    _touch(directory, name, mode)
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISLNK(mode) or stat.S_ISDIR(mode):
        os.close(descriptor)
        raise os_error(errno.ELOOP if stat.S_ISLNK(mode) else errno.EISDIR, name)
    return descriptor


def _touch(directory: int, name: str, mode: int) -> None:
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=directory))
    except FileExistsError:
        return


def _deepest(root: int, path: str) -> "tuple[int, str, list[str]]":
    """The longest leading part of `path` that is there, opened; that part; and the names behind it."""
    names = [name for name in path.split("/") if name not in ("", ".")]
    for known in range(len(names), -1, -1):
        there = "/".join(names[:known])
        try:
            return open_in_root(root, there, os.O_PATH | os.O_DIRECTORY), there, names[known:]
        except FileNotFoundError:
            continue
    raise os_error(errno.ENOENT, path)


def _without_dots(names: "list[str]") -> str:
    """`a/../b` → `b`; what leads further up stays in front, for the kernel to resolve from what is there."""
    kept: list[str] = []
    for name in names:
        if name == ".." and kept and kept[-1] != "..":
            kept.pop()
        else:
            kept.append(name)
    return "/".join(kept)


def _make_each(directory: int, names: "list[str]", mode: int) -> "tuple[int, list[str]]":
    """Make `names` below one another, from `directory` on, which is closed. Returns where it ended, and what is left
    when a link was in the way."""
    for place, name in enumerate(names):
        try:
            try:
                os.mkdir(name, mode, dir_fd=directory)
            except FileExistsError:
                if _is_link(name, directory):
                    return directory, names[place:]
            below = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        except OSError:
            os.close(directory)
            raise
        os.close(directory)
        directory = below
    return directory, []


def _is_link(name: str, directory: int) -> bool:
    """Whether a dangling link is in the way; False if somebody else just made the thing itself."""
    return stat.S_ISLNK(os.lstat(name, dir_fd=directory).st_mode)


def _link_target(directory: int, name: str, path: str) -> str:
    """Where the link `name` points, as a path of the root; `directory`, where it is, has the path `path`."""
    target = os.readlink(name, dir_fd=directory)
    return target if target.startswith("/") else f"{path}/{target}"
