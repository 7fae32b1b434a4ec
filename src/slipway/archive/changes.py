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
from slipway.archive.tar_writer import TarWriter
from slipway.linux.resolve import RESOLVE_NO_SYMLINKS, open_in_root

_READ: Final = os.O_RDONLY | os.O_DIRECTORY


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
    """What must be done to `lower` (None: an empty tree) to have `upper`: compared by attributes, size and time.

    Parents come before what they hold. Raises OSError, also for a path longer than the kernel's 4,095 bytes.
    """
    folders = [(b"", lower is not None)]
    while folders:
        path, was_folder = folders.pop()
        with ExitStack() as stack:
            new = _opened(stack, upper, path)
            old = _opened(stack, lower, path) if lower is not None and was_folder else None
            folders += reversed(_compare_folder(writer, old, new, path))


def _compare_folder(writer: TarWriter, lower: int | None, upper: int, path: bytes) -> list[tuple[bytes, bool]]:
    """The differences in one folder; the folders of `upper` in it, and whether they are in `lower`, too."""
    new = set(map(os.fsencode, os.listdir(upper)))
    old = set(map(os.fsencode, os.listdir(lower))) if lower is not None else set()
    below = []
    for name in sorted(old | new):
        if name not in new:
            writer.add_whiteout(path + WHITEOUT + name)
            continue
        after = os.lstat(name, dir_fd=upper)
        before = os.lstat(name, dir_fd=lower) if name in old else None
        if before is None or not _is_same(before, after):
            writer.add(upper, name, path + name)
        if stat.S_ISDIR(after.st_mode):
            below.append((path + name + b"/", before is not None and stat.S_ISDIR(before.st_mode)))
    return below


def _opened(stack: ExitStack, root: int, path: bytes) -> int:
    folder = open_in_root(root, os.fsdecode(path), _READ, resolve=RESOLVE_NO_SYMLINKS)
    stack.callback(os.close, folder)
    return folder


def _is_same(before: os.stat_result, after: os.stat_result) -> bool:
    """A copied-up or rewritten file has another time; a directory's time alone is no change of its own."""
    if not has_same_attributes(before, after):
        return False
    if stat.S_ISDIR(after.st_mode):
        return True
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
