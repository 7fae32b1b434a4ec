"""What one tree changes in another, written as a layer: overlayfs's upper directory, or two whole trees compared.

Folder by folder, each opened by a path that the kernel resolves inside its root, without links: a container may nest
folders deeper than Python's stack, and more of them than a process may have descriptors.
"""

import os
import stat
from contextlib import ExitStack
from typing import Final

from slipway.archive.extract import OPAQUE, WHITEOUT
from slipway.archive.overlay_marks import has_same_attributes, is_opaque, is_whiteout
from slipway.archive.regular_file import open_regular
from slipway.archive.tar_writer import TarWriter
from slipway.linux.resolve import RESOLVE_NO_SYMLINKS, open_in_root

_READ: Final = os.O_RDONLY | os.O_DIRECTORY
_PIECE: Final = 1 << 18
_BILLION: Final = 1_000_000_000
_CAPABILITY: Final = "security.capability"


def write_upper(writer: TarWriter, upper: int) -> None:
    """The content of an upper directory: its whiteouts and opaque directories as OCI's marks.

    Parents come before what they hold. Raises OSError, also for a path longer than the kernel's 4,095 bytes.
    """
    folders = [b""]
    while folders:
        path = folders.pop()
        with ExitStack() as stack:
            folders += reversed(_write_folder(writer, _opened(stack, upper, path), path))


def _write_folder(writer: TarWriter, folder: int, path: bytes) -> list[bytes]:
    """The entries of one folder of an upper directory; the folders among them."""
    below = []
    for name in sorted(map(os.fsencode, os.listdir(folder))):
        entry = path + name
        found = os.lstat(name, dir_fd=folder)
        if is_whiteout(found):
            writer.add_whiteout(path + WHITEOUT + name)
            continue
        writer.add(folder, name, entry)
        if stat.S_ISDIR(found.st_mode):
            below.append(entry + b"/")
            if is_opaque(f"/proc/self/fd/{folder}/".encode() + name):
                writer.add_whiteout(entry + b"/" + OPAQUE)
    return below


def write_difference(writer: TarWriter, lower: int | None, upper: int) -> None:
    """What must be done to `lower` (None: an empty tree) to have `upper`: compared by attributes, size and time, and by
    content where the time says nothing. Folders above a change are in the layer for their own times.

    Parents come before what they hold. Raises OSError, also for a path longer than the kernel's 4,095 bytes.
    """
    comparison = _Comparison(writer, lower, upper)
    folders = [(b"", lower is not None)]
    while folders:
        folders += reversed(comparison.compare_folder(*folders.pop()))


class _Comparison:
    def __init__(self, writer: TarWriter, lower: int | None, upper: int) -> None:
        self._writer = writer
        self._lower, self._upper = lower, upper
        self._told = {b""}  # folders that have an entry in the layer; the root has none

    def compare_folder(self, path: bytes, was_folder: bool) -> list[tuple[bytes, bool]]:
        """The differences in one folder; the folders of `upper` in it, and whether they are in `lower`, too."""
        with ExitStack() as stack:
            upper = _opened(stack, self._upper, path)
            lower = _opened(stack, self._lower, path) if self._lower is not None and was_folder else None
            new = set(map(os.fsencode, os.listdir(upper)))
            old = set(map(os.fsencode, os.listdir(lower))) if lower is not None else set()
            below = []
            for name in sorted(old | new):
                if name not in new:
                    self._tell_folder(path)
                    self._writer.add_whiteout(path + WHITEOUT + name)
                    continue
                after = os.lstat(name, dir_fd=upper)
                before = os.lstat(name, dir_fd=lower) if lower is not None and name in old else None
                if before is None or lower is None or not _is_same(before, after, name, lower, upper):
                    self._add(upper, path, name, after)
                elif self._writer.has_other_name(after, path + name):
                    self._add(upper, path, name, after)  # what it is a name of was replaced by an entry of the layer
                if stat.S_ISDIR(after.st_mode):
                    below.append((path + name + b"/", before is not None and stat.S_ISDIR(before.st_mode)))
            return below

    def _add(self, folder: int, path: bytes, name: bytes, found: os.stat_result) -> None:
        self._tell_folder(path)
        self._writer.add(folder, name, path + name)
        if stat.S_ISDIR(found.st_mode):
            self._told.add(path + name + b"/")

    def _tell_folder(self, path: bytes) -> None:
        """A folder above a change, and those above it."""
        missing = []
        while path not in self._told:
            self._told.add(path)
            above, _, name = path[:-1].rpartition(b"/")
            missing.append((above + b"/" if above else b"", name))
            path = missing[-1][0]
        for above, name in reversed(missing):
            with ExitStack() as stack:
                self._writer.add(_opened(stack, self._upper, above), name, above + name)


def _opened(stack: ExitStack, root: int, path: bytes) -> int:
    folder = open_in_root(root, os.fsdecode(path), _READ, resolve=RESOLVE_NO_SYMLINKS)
    stack.callback(os.close, folder)
    return folder


def _is_same(before: os.stat_result, after: os.stat_result, name: bytes, lower: int, upper: int) -> bool:
    """A copied-up or rewritten file has another time; a directory's time alone is no change of its own."""
    if not has_same_attributes(before, after):
        return False
    if stat.S_ISDIR(after.st_mode):
        return True
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return False
    if (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino):
        return True
    # A time without fraction was set, by whoever unpacked the file or wanted to hide a change.
    if not after.st_mtime_ns % _BILLION and not _has_same_content(after, name, lower, upper):
        return False
    return _capability(lower, name) == _capability(upper, name)


def _has_same_content(found: os.stat_result, name: bytes, lower: int, upper: int) -> bool:
    if stat.S_ISLNK(found.st_mode):
        return os.readlink(name, dir_fd=lower) == os.readlink(name, dir_fd=upper)
    if not stat.S_ISREG(found.st_mode) or not found.st_size:
        return True
    with ExitStack() as stack:
        old, new = (_opened_file(stack, folder, name) for folder in (lower, upper))
        while piece := os.read(new, _PIECE):
            if piece != os.read(old, len(piece)):
                return False
    return True


def _opened_file(stack: ExitStack, folder: int, name: bytes) -> int:
    file = open_regular(folder, name)
    stack.callback(os.close, file)
    return file


def _capability(folder: int, name: bytes) -> bytes:
    try:
        return os.getxattr(f"/proc/self/fd/{folder}/".encode() + name, _CAPABILITY, follow_symlinks=False)
    except OSError:
        return b""  # it has none
