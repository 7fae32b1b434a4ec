"""Looks at every entry of a tree that others may change meanwhile: no link is followed, and no depth is too deep."""

import errno
import os
import stat
from collections.abc import Iterator

from slipway.linux.resolve import RESOLVE_NO_SYMLINKS, open_in_root

_LONGEST_PATH = 4095  # in one call (path_resolution(7))
_PIECE = 1000  # characters of path in one call where it is longer: of four bytes at most, and three names at least
_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class _Place:
    """A directory that waits. It shares its parents: whole paths have no bound here, and would take the machine."""

    __slots__ = ("_name", "_parent")

    def __init__(self, parent: "_Place | None", name: str) -> None:
        self._parent, self._name = parent, name

    def path(self) -> str:
        names = []
        place: _Place | None = self
        while place is not None:
            names.append(place._name)
            place = place._parent
        return "/".join(reversed(names))


def tree_entries(path: str) -> Iterator[os.stat_result]:
    """The status of `path`, a directory, and of all that is below it. What vanishes meanwhile is left out.

    Raises OSError.
    """
    root = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield os.fstat(root)
        waiting: list[_Place] = [_Place(None, "")]
        while waiting:
            below = waiting.pop()
            try:
                directory = _open(root, below.path())
            except OSError as error:
                if error.errno not in _VANISHED:
                    raise
                continue
            try:
                with os.scandir(directory) as entries:
                    for entry in entries:
                        if (found := _status(entry)) is not None:
                            yield found
                            if entry.is_dir(follow_symlinks=False):
                                waiting.append(_Place(below, entry.name))
            finally:
                os.close(directory)
    finally:
        os.close(root)


def tree_inodes(path: str) -> Iterator[os.stat_result]:
    """As `tree_entries`, but each inode once, whatever names it has. Raises OSError."""
    linked: set[tuple[int, int]] = set()
    for found in tree_entries(path):
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            inode = found.st_dev, found.st_ino
            if inode in linked:
                continue
            linked.add(inode)
        yield found


def _status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _open(root: int, path: str) -> int:
    """The directory `path` below `root`, a few thousand bytes of path at a time."""
    here = os.dup(root)
    left = path
    while True:
        cut = len(left) if len(os.fsencode(left)) <= _LONGEST_PATH else left.rindex("/", 1, _PIECE)
        following, left = left[:cut], left[cut:]
        try:
            opened = open_in_root(here, following, os.O_RDONLY | os.O_DIRECTORY, resolve=RESOLVE_NO_SYMLINKS)
        finally:
            os.close(here)
        if not left:
            return opened
        here = opened
