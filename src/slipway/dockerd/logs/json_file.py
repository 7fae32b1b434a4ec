"""The json-file log driver's files: NAME, and after rotations NAME.1 (the newest of the old ones), NAME.2, ..."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress

from slipway.base.files import write_all
from slipway.dockerd.logs.json_line import json_line_from_entry
from slipway.dockerd.logs.model import Append, Entry, Rotation


class JsonFileWriter:
    """Appends to one container's file. `generation` counts rotations since this writer was made."""

    def __init__(self, path: str, rotation: Rotation, attributes: bytes = b"") -> None:
        self.path = path
        self.generation = 0
        self._rotation = rotation
        self._attributes = attributes
        if rotation.files > 1 and (gap := _gap(path)):
            _shift(path, gap)  # a rotation broke off there
        self._descriptor = _open_to_append(path)
        status = os.fstat(self._descriptor)
        self._inode = status.st_ino
        self._size = status.st_size

    def write(self, entries: Sequence[Entry], before_append: Callable[[Append], None] = lambda _: None) -> None:
        """Append; in the kernel's cache when this returns. Rotates before the entry that would exceed the size."""
        if self._descriptor < 0:
            return
        pending: list[bytes] = []
        pending_size = source = 0
        limit = self._rotation.size
        for entry in entries:
            line = json_line_from_entry(entry, self._attributes)
            if 0 < limit <= self._size + pending_size:
                self._append(pending, source, before_append)
                pending, pending_size = [], 0
                self._rotate()
            pending.append(line)
            pending_size += len(line)
            source += len(entry.line)
        self._append(pending, source, before_append)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, lines: list[bytes], source: int, before_append: Callable[[Append], None]) -> None:
        if not lines:
            return
        data = b"".join(lines)
        after = self._size + len(data)
        before_append(Append(inode=self._inode, before=self._size, after=after, source=source))
        try:
            write_all(self._descriptor, data)
        except OSError:
            with suppress(OSError):  # a line without its end would swallow the next one
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size = after

    def _rotate(self) -> None:
        """What fails may succeed at the next write: until then the old file stays open."""
        if self._rotation.files == 1:
            os.truncate(self.path, 0)
        elif os.path.exists(self.path):  # else it was the opening that failed
            _shift(self.path, _gap(self.path) or self._rotation.files - 1)
        opened = _open_to_append(self.path)
        os.close(self._descriptor)
        self._descriptor = opened
        self._inode = os.fstat(self._descriptor).st_ino
        self._size = 0
        self.generation += 1


def log_files(path: str) -> list[str]:
    """The files of a log that exist, oldest first."""
    files = [path] if os.path.exists(path) else []
    number = 1
    while os.path.exists(old := f"{path}.{number}"):
        files.insert(0, old)
        number += 1
    return files


def remove_log_files(path: str) -> None:
    for file in log_files(path):
        os.unlink(file)


def _open_to_append(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)


def _shift(path: str, last: int) -> None:
    """Give each file the next number; NAME.`last` is replaced, and NAME is free afterwards."""
    for number in range(last, 1, -1):
        _rename_if_present(f"{path}.{number - 1}", f"{path}.{number}")
    _rename_if_present(path, f"{path}.1")


def _gap(path: str) -> int:
    """The number that is missing between old files, which are shifted from the highest on; 0 for none."""
    number = 1
    while os.path.exists(f"{path}.{number}"):
        number += 1
    return number if os.path.exists(f"{path}.{number + 1}") else 0


def _rename_if_present(old: str, new: str) -> None:
    if os.path.exists(old):
        os.rename(old, new)
