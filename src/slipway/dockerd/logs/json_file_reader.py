"""Reads json-file logs: the last lines from the end, times by bisection, and on from there as the file grows.

Everything here blocks on the disk: it runs in a thread.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

from slipway.base.errors import InvalidArgument
from slipway.dockerd.logs.json_file import log_files
from slipway.dockerd.logs.json_line import entry_from_json_line, time_of_json_line
from slipway.dockerd.logs.model import Entry, Selection

BLOCK_SIZE = 64 * 1024
LINE_LIMIT = 1024 * 1024  # far beyond an entry of 16 KiB with every byte escaped


class JsonFileReader:
    """A place in a container's log. `read_more` goes on where the last call ended, through rotations."""

    def __init__(self, path: str, selection: Selection) -> None:
        self._selection = selection
        self._files: list[BinaryIO] = [open(file, "rb") for file in log_files(path)]  # noqa: SIM115 - closed by close()
        self._path = path
        self._ended = False
        if selection.tail >= 0:
            self._seek_tail(selection.tail)
        elif selection.since:
            self._seek_since(selection.since)

    def close(self) -> None:
        for file in self._files:
            file.close()
        self._files = []
        self._ended = True

    @property
    def ended(self) -> bool:
        """Whether an entry at or after `until` was met: nothing later can matter."""
        return self._ended

    def read_more(self, limit: int) -> list[tuple[Entry, dict[str, str]]]:
        """Up to about `limit` entries; fewer or none at the present end. A last line without its end is left there."""
        found: list[tuple[Entry, dict[str, str]]] = []
        while not self._ended and len(found) < limit:
            if not self._files:
                self._files = [open(file, "rb") for file in log_files(self._path)]  # noqa: SIM115
                if not self._files:
                    break
            line = self._next_line(self._files[0])
            if line:
                self._select(line, found)
            elif not self._move_on():
                break
        return found

    def _next_line(self, file: BinaryIO) -> bytes:
        place = file.tell()
        line = file.readline(LINE_LIMIT)
        if line and not line.endswith(b"\n") and len(line) < LINE_LIMIT:
            file.seek(place)
            return b""
        return line

    def _move_on(self) -> bool:
        """Leave a finished file for the one after it; whether there is one."""
        if len(self._files) > 1:
            self._files.pop(0).close()
            return True
        here = os.fstat(self._files[0].fileno())
        newer: list[BinaryIO] = []
        for path in reversed(log_files(self._path)):
            status = os.stat(path)
            if (status.st_dev, status.st_ino) == (here.st_dev, here.st_ino):
                break
            newer.insert(0, open(path, "rb"))  # noqa: SIM115
        if newer:
            # What was written between our last read and the rotation is still unread.
            self._files += newer
            return True
        if here.st_size < self._files[0].tell():  # truncated: rotation with a single file
            self._files[0].seek(0)
            return True
        return False

    def _select(self, line: bytes, found: list[tuple[Entry, dict[str, str]]]) -> None:
        try:
            entry, attributes = entry_from_json_line(line)
        except InvalidArgument:
            return  # a line cut by a power failure: those after it are whole
        if self._selection.until and entry.time >= self._selection.until:
            self._ended = True
        elif entry.time >= self._selection.since and entry.stream in self._selection.streams:
            found.append((entry, attributes))

    def _seek_tail(self, count: int) -> None:
        """Leave out all but the last `count` lines that are wanted by their stream."""
        left = count
        for index in range(len(self._files) - 1, -1, -1):
            file = self._files[index]
            place, left = _place_of_last_lines(file, left, self._is_counted)
            file.seek(place)
            if left <= 0:
                for old in self._files[:index]:
                    old.close()
                del self._files[:index]
                return

    def _is_counted(self, line: bytes) -> bool:
        both = len(self._selection.streams) == 2
        if both and not self._selection.until:
            return True
        try:
            entry, _ = entry_from_json_line(line)
        except InvalidArgument:
            return False
        in_time = not self._selection.until or entry.time < self._selection.until
        return in_time and entry.stream in self._selection.streams

    def _seek_since(self, since: int) -> None:
        while len(self._files) > 1 and _first_time(self._files[1]) < since:
            self._files.pop(0).close()
        if self._files:
            self._files[0].seek(_place_of_time(self._files[0], since))


def _place_of_last_lines(file: BinaryIO, count: int, is_counted: object) -> tuple[int, int]:
    """Where the last `count` counted lines begin, and how many of them the file lacks. Reads blocks from the end."""
    assert callable(is_counted)
    end = file.seek(0, os.SEEK_END)
    if count <= 0:
        return end, 0
    rest = b""
    while end > 0:
        start = max(0, end - BLOCK_SIZE)
        file.seek(start)
        block = file.read(end - start) + rest
        lines = block.split(b"\n")
        rest = lines[0] if start else b""
        place = start + len(block)
        for line in reversed(lines[1:] if start else lines):
            place -= len(line)
            if line and is_counted(line):
                count -= 1
                if count == 0:
                    return place, 0
            place -= 1
        end = start
    return 0, count


def _place_of_time(file: BinaryIO, since: int) -> int:
    """A place at or before the first line of `since` or later, by bisection: times never go back but by clock steps."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > BLOCK_SIZE:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline(LINE_LIMIT)
        place = file.tell()
        if place >= high:
            break
        try:
            earlier = time_of_json_line(file.readline(LINE_LIMIT)) < since
        except InvalidArgument:
            break
        if earlier:
            low = place
        else:
            high = middle
    return low


def _first_time(file: BinaryIO) -> int:
    file.seek(0)
    line = file.readline(LINE_LIMIT)
    file.seek(0)
    try:
        return time_of_json_line(line)
    except InvalidArgument:
        return 0


def read_all(path: str, selection: Selection) -> Iterator[tuple[Entry, dict[str, str]]]:
    """Every selected entry that exists now."""
    reader = JsonFileReader(path, selection)
    try:
        while found := reader.read_more(1000):
            yield from found
    finally:
        reader.close()
