"""What one tree changes in another, written as a layer: overlayfs's upper directory, or two whole trees compared."""

import os
import stat
from collections.abc import Callable
from typing import Final

from slipway.archive.extract import OPAQUE, WHITEOUT
from slipway.archive.overlay_marks import has_same_attributes, is_opaque, is_whiteout
from slipway.archive.tar_writer import TarWriter

_READ: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

AddChange = Callable[[int, bytes, bytes], None]


def write_upper(writer: TarWriter, upper: int) -> None:
    """The content of an upper directory: its whiteouts and opaque directories as OCI's marks."""

    def add(directory: int, name: bytes, path: bytes) -> None:
        found = os.lstat(name, dir_fd=directory)
        if is_whiteout(found):
            writer.add_whiteout(_marked(path, WHITEOUT + name))
            return
        writer.add(directory, name, path)
        if stat.S_ISDIR(found.st_mode) and is_opaque(f"/proc/self/fd/{directory}/".encode() + name):
            writer.add_whiteout(path + b"/" + OPAQUE)

    _walk(upper, add)


def write_difference(writer: TarWriter, lower: int | None, upper: int) -> None:
    """What must be done to `lower` (None: an empty tree) to have `upper`: compared by attributes, size and time."""
    if lower is None:
        _walk(upper, writer.add)
        return
    _compare(writer, lower, upper, b"")


def _walk(root: int, add: AddChange, prefix: bytes = b"") -> None:
    """Every entry below `root`, by name, parents before their children."""
    for name in sorted(map(os.fsencode, os.listdir(root))):
        path = prefix + name
        add(root, name, path)
        if stat.S_ISDIR(os.lstat(name, dir_fd=root).st_mode):
            below = os.open(name, _READ, dir_fd=root)
            try:
                _walk(below, add, path + b"/")
            finally:
                os.close(below)


def _compare(writer: TarWriter, lower: int, upper: int, prefix: bytes) -> None:
    old, new = (set(map(os.fsencode, os.listdir(directory))) for directory in (lower, upper))
    for name in sorted(old | new):
        path = prefix + name
        if name not in new:
            writer.add_whiteout(_marked(path, WHITEOUT + name))
            continue
        after = os.lstat(name, dir_fd=upper)
        before = os.lstat(name, dir_fd=lower) if name in old else None
        if before is None or not _is_same(before, after):
            writer.add(upper, name, path)
        if stat.S_ISDIR(after.st_mode):
            _compare_below(writer, lower if before and stat.S_ISDIR(before.st_mode) else None, upper, name, path)


def _compare_below(writer: TarWriter, lower: int | None, upper: int, name: bytes, path: bytes) -> None:
    above = os.open(name, _READ, dir_fd=upper)
    try:
        if lower is None:
            _walk(above, writer.add, path + b"/")
            return
        below = os.open(name, _READ, dir_fd=lower)
        try:
            _compare(writer, below, above, path + b"/")
        finally:
            os.close(below)
    finally:
        os.close(above)


def _is_same(before: os.stat_result, after: os.stat_result) -> bool:
    """A copied-up or rewritten file has another time; a directory's time alone is no change of its own."""
    if not has_same_attributes(before, after):
        return False
    if stat.S_ISDIR(after.st_mode):
        return True
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


def _marked(path: bytes, name: bytes) -> bytes:
    parent, slash, _ = path.rpartition(b"/")
    return parent + slash + name
