"""A container's output reaches its log file: all of it, in order, however often the disk is full."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.base.errors import EngineError
from slipway.shim.stdio import log_file
from slipway.shim.stdio.log_file import LogFile
from slipway.transport.plain.loop import Loop


class Stream:
    """A pipe as the container writes it, and the LogFile under test."""

    def __init__(self, path: Path) -> None:
        self.loop = Loop()
        self.loop.open()
        self.told: list[str] = []
        self.source, self.container = os.pipe2(os.O_CLOEXEC)
        self.log = LogFile(self.loop, self.source, str(path), self.told.append)

    def turn(self) -> None:
        """Do what is to be done now."""
        for _ in range(20):
            self.loop.call_soon(lambda: None)
            self.loop._turn()

    def end(self) -> None:
        os.close(self.container)
        self.container = -1
        self.turn()

    def close(self) -> None:
        self.log.discard()
        if self.container >= 0:
            os.close(self.container)
        self.loop.close()


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Stream]:
    stream = Stream(tmp_path / "new/folder/out")
    yield stream
    stream.close()


def test_a_file_is_made_with_its_folders_and_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/out"
    for word in (b"one\n", b"two\n"):
        stream = Stream(path)
        stream.log.begin()
        os.write(stream.container, word)
        stream.end()
        assert stream.log.finished.done
        stream.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_the_disk_does_not_take_is_kept_until_it_does(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = [True]

    def write(descriptor: int, data: bytes) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os_write(descriptor, data[:3])  # and even then only a part

    os_write = os.write
    monkeypatch.setattr(log_file.os, "write", write)
    monkeypatch.setattr(log_file, "_SELDOM", 0.0)
    stream.log.begin()
    os_write(stream.container, b"first\n")
    stream.turn()
    os_write(stream.container, b"second\n")  # stays in the pipe: the container waits when that is full
    stream.turn()
    assert (tmp_path / "new/folder/out").read_bytes() == b""
    assert stream.log.give() is None
    assert len(stream.told) == 1
    assert "no space left on device; trying again" in stream.told[0]
    full[0] = False
    stream.turn()
    stream.end()
    assert (tmp_path / "new/folder/out").read_bytes() == b"first\nsecond\n"


def test_what_is_lost_in_the_end_is_told(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    os.write(stream.container, b"12345")
    monkeypatch.setattr(log_file.os, "write", write)
    stream.log.begin()
    stream.turn()
    stream.log.discard()
    assert stream.told[-1].endswith("5 bytes are lost")


def test_a_runtime_may_say_more_than_the_pipe_holds(stream: Stream, tmp_path: Path) -> None:
    """Its first 64 KiB are kept until it has made the container."""
    stream.log.relieve()
    for _ in range(3):
        os.write(stream.container, b"x" * 65536)
        stream.turn()
    stream.log.begin()
    os.write(stream.container, b"container")
    stream.end()
    assert (tmp_path / "new/folder/out").read_bytes() == b"x" * 65536 + b"container"


def test_another_process_can_go_on_with_it(stream: Stream, tmp_path: Path) -> None:
    stream.log.begin()
    os.write(stream.container, b"one\n")
    stream.turn()
    given = stream.log.give()
    assert given is not None
    source, sink, name, splices = given
    assert (name, splices) == (f"file://{tmp_path}/new/folder/out", False)
    heir = LogFile(stream.loop, os.dup(source), "", stream.told.append, sink=os.dup(sink))
    stream.log.discard()
    heir.begin()
    os.write(stream.container, b"two\n")
    stream.end()
    assert heir.finished.done
    assert (tmp_path / "new/folder/out").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("kind", ["folder", "link", "fifo", "below a file"])
def test_what_is_no_file_is_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("elsewhere")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.touch()
        path /= "below"
    with pytest.raises(EngineError, match=f"open log file {path}: "):
        log_file.open_log_file(str(path))
