"""What one tree changes in another, as a list of paths. The second tree may be overlayfs's upper directory.

Both trees may be hostile and change meanwhile: every directory is opened by a path that the kernel resolves inside its
root, without links; what vanishes during the walk counts as not there.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from enum import IntEnum
from typing import Final

from slipway.archive.overlay_marks import has_same_attributes, is_opaque, is_whiteout
from slipway.linux.resolve import RESOLVE_NO_SYMLINKS, open_in_root

_READ: Final = os.O_RDONLY | os.O_DIRECTORY
_CAPABILITY: Final = "security.capability"
_BILLION: Final = 1_000_000_000


class Kind(IntEnum):
    """The numbers are the Engine API's."""

    CHANGED = 0
    ADDED = 1
    DELETED = 2


def differences(
    before: int, after: int, *, is_upper: bool, expected: Mapping[str, int] | None = None
) -> dict[str, Kind]:
    """Path (`/etc/group`) to kind. A folder above a change is changed, its time alone is no change; what a deleted or
    replaced folder held is not told.

    `before` and `after` are descriptors of directories; with `is_upper` the second one holds only what overlayfs copied
    up, whiteouts and opaque folders included. `expected`: paths and file types that are no addition. Raises OSError.
    """
    comparison = _Comparison(before, after, is_upper=is_upper, expected=expected or {})
    folders = [("", True)]
    while folders:  # no recursion: a container may nest folders deeper than Python's stack
        folders += comparison.compare_folder(*folders.pop())
    return comparison.found


class _Comparison:
    def __init__(self, before: int, after: int, *, is_upper: bool, expected: Mapping[str, int]) -> None:
        self._before, self._after = before, after
        self._is_upper = is_upper
        self._expected = expected
        self.found: dict[str, Kind] = {}

    def compare_folder(self, path: str, was_folder: bool) -> list[tuple[str, bool]]:
        """Compare the entries of one folder; the folders below that are still to be compared."""
        with ExitStack() as stack:
            new = _opened(stack, self._after, path)
            old = _opened(stack, self._before, path) if was_folder else None
            if new is None:
                return []
            below = []
            for name in self._names(old, new, path):
                was, now = _status(old, name), _status(new, name)
                if self._is_upper and now is not None and is_whiteout(now):
                    now = None  # a whiteout
                entry = f"{path}/{name}"
                if now is None:
                    if was is not None:
                        self._note(entry, Kind.DELETED)
                    continue
                self._compare_entry(entry, was, now, f"/proc/self/fd/{new}/{name}")
                if stat.S_ISDIR(now.st_mode):
                    below.append((entry, was is not None and stat.S_ISDIR(was.st_mode)))
            return below

    def _names(self, old: int | None, new: int, path: str) -> Sequence[str]:
        """What may differ: what an upper directory lacks is as it was, unless it is opaque."""
        names = set(os.listdir(new))
        if old is not None and not (self._is_upper and not (path and is_opaque(new))):
            names |= set(os.listdir(old))
        return sorted(names)

    def _compare_entry(self, path: str, was: os.stat_result | None, now: os.stat_result, place: str) -> None:
        if was is None:
            if self._expected.get(path) != stat.S_IFMT(now.st_mode):
                self._note(path, Kind.ADDED)
        elif not _is_same(was, now) or self._capability_differs(path, now, place):
            self._note(path, Kind.CHANGED)

    def _capability_differs(self, path: str, now: os.stat_result, place: str) -> bool:
        if not stat.S_ISREG(now.st_mode):
            return False
        try:
            folder = open_in_root(self._before, os.path.dirname(path), os.O_PATH, resolve=RESOLVE_NO_SYMLINKS)
        except OSError:
            return False
        try:
            return _capability(f"/proc/self/fd/{folder}/{os.path.basename(path)}") != _capability(place)
        finally:
            os.close(folder)

    def _note(self, path: str, kind: Kind) -> None:
        self.found[path] = kind
        parent = os.path.dirname(path)
        while parent != "/" and parent not in self.found:
            self.found[parent] = Kind.CHANGED
            parent = os.path.dirname(parent)


def _opened(stack: ExitStack, root: int, path: str) -> int | None:
    try:
        folder = open_in_root(root, path, _READ, resolve=RESOLVE_NO_SYMLINKS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    stack.callback(os.close, folder)
    return folder


def _status(folder: int | None, name: str) -> os.stat_result | None:
    if folder is None:
        return None
    try:
        return os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None


def _is_same(was: os.stat_result, now: os.stat_result) -> bool:
    if not has_same_attributes(was, now):
        return False
    return stat.S_ISDIR(now.st_mode) or (was.st_size == now.st_size and _is_same_time(was.st_mtime_ns, now.st_mtime_ns))


def _is_same_time(one: int, other: int) -> bool:
    """Where one time has no fraction (a tar's), only the seconds count."""
    return one == other or (one // _BILLION == other // _BILLION and not (one % _BILLION and other % _BILLION))


def _capability(path: str) -> bytes:
    try:
        return os.getxattr(path, _CAPABILITY, follow_symlinks=False)
    except OSError:
        return b""  # it has none
