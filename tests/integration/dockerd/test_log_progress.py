"""dockerd killed before and after every system call of its logging: no line twice, none lost."""

import functools
import os
import signal
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.dockerd.logs import output, progress
from slipway.dockerd.logs.json_file import JsonFileWriter
from slipway.dockerd.logs.json_file_reader import read_all
from slipway.dockerd.logs.model import Rotation, Selection

STREAMS = ("stdout", "stderr")
CALLS = ("read", "write", "pwrite", "splice", "truncate", "ftruncate", "rename", "open", "close", "unlink")
SAME = 6  # the same line again and again: what is in the fifo does not tell whether it is in the log


class Fifos:
    """Held open for writing, as the shim does; full of lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ends = {stream: self._make(stream) for stream in STREAMS}
        self.lines = {
            stream: [b"%s %d\n" % (stream.encode(), number) for number in range(1, 9)] + [b"same\n"] * SAME
            for stream in STREAMS
        }
        for stream, end in self.ends.items():
            os.write(end, b"".join(self.lines[stream]))

    def _make(self, stream: str) -> int:
        os.mkfifo(self.folder / stream)
        return os.open(self.folder / stream, os.O_RDWR)

    def close(self) -> None:
        for end in self.ends.values():
            os.close(end)


@pytest.fixture
def fifos(tmp_path: Path) -> Iterator[Callable[[], Fifos]]:
    made: list[Fifos] = []

    def make() -> Fifos:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Fifos(folder))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Killer:
    """Counts what the process asks the kernel for, and has it killed at one of these calls: before it, or after.

    A write to a file is done by half instead: the kernel looks for SIGKILL between pages.
    """

    def __init__(self, at: int) -> None:
        self._left = at

    def arm(self) -> None:
        for name in CALLS:
            setattr(os, name, functools.partial(self._call, getattr(os, name), name))

    def _call(self, function: Callable[..., Any], name: str, *arguments: Any, **options: Any) -> Any:
        self._step()
        if name == "write" and self._left == 1:
            function(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
        elif self._left == 1 and name == "splice":
            function(arguments[0], arguments[1], max(1, arguments[2] // 2), **options)
        else:
            result = function(*arguments, **options)
        self._step()
        return result

    def _step(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def log_all(folder: Path, rotation: Rotation) -> None:
    """What a dockerd does with the fifos of an earlier one, until they are empty."""
    output.PEEK_SIZE, progress.LIMIT = 50, 70  # type: ignore[misc]  # many portions, and many new beginnings
    logged = progress.settle(f"{folder}/progress", f"{folder}/log")
    writer = JsonFileWriter(f"{folder}/log", rotation)
    keeps = progress.Progress(f"{folder}/progress")
    peek = os.pipe2(os.O_NONBLOCK)
    outputs = []
    for stream in STREAMS:
        descriptor = os.open(folder / stream, os.O_RDONLY | os.O_NONBLOCK)
        keeps.take(descriptor, logged.get(stream, 0))
        outputs.append(
            output.Output(descriptor=descriptor, stream=stream, writer=writer, progress=keeps, now=lambda: 1)
        )
    for each in outputs * 50:  # in turns, more than there are portions
        each.process(peek, hung_up=False)


def in_a_process(folder: Path, rotation: Rotation, killer: Killer) -> bool:
    """Whether it came to its end."""
    child = os.fork()
    if not child:
        try:
            killer.arm()
            log_all(folder, rotation)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status == 0


@pytest.mark.parametrize("rotation", [Rotation(), Rotation(size=250, files=200)], ids=["one file", "rotated"])
def test_every_line_is_there_once(fifos: Callable[[], Fifos], rotation: Rotation) -> None:
    at = 0
    came_to_its_end = False
    while not came_to_its_end:
        at += 1
        made = fifos()
        came_to_its_end = in_a_process(made.folder, rotation, Killer(at))
        in_a_process(made.folder, rotation, Killer(1 + at * 7 % 40))  # the next one is killed as well
        assert in_a_process(made.folder, rotation, Killer(-1))
        for stream in STREAMS:
            selection = Selection(streams=frozenset([stream]))
            written = [entry.line for entry, _ in read_all(f"{made.folder}/log", selection)]
            assert written == made.lines[stream], f"killed at step {at}"
    assert at > 40


@pytest.mark.parametrize("mark", [(3, 1, 1, 1, 1, 1), (1 << 63, 0, 0, 0, 0, 9), (1, 0, 0, 0, 9, 1), (0, 0, 0, 0, 0, 0)])
def test_a_mark_that_no_dockerd_wrote_is_none(tmp_path: Path, mark: tuple[int, ...]) -> None:
    (tmp_path / "progress").write_bytes(struct.pack("<6Q", *mark).ljust(progress.HEADER, b"x"))
    (tmp_path / "log").write_bytes(b"line\n")
    assert progress.settle(f"{tmp_path}/progress", f"{tmp_path}/log") == {}
    assert (tmp_path / "log").read_bytes() == b"line\n"
