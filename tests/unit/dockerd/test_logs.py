"""Lines are cut, written and read as Docker's json-file has them."""

import errno
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.dockerd.logs import output as output_module
from slipway.dockerd.logs.json_file import JsonFileWriter, log_files
from slipway.dockerd.logs.json_file_reader import JsonFileReader, read_all
from slipway.dockerd.logs.json_line import entry_from_json_line, json_line_from_entry
from slipway.dockerd.logs.line_splitter import split_lines
from slipway.dockerd.logs.model import PARTIAL_SIZE, Append, Entry, Rotation, Selection
from slipway.dockerd.logs.output import Output
from slipway.dockerd.logs.progress import Progress

BOTH = frozenset(("stdout", "stderr"))


@given(st.lists(st.binary(max_size=40000), max_size=4))
def test_splitting_loses_nothing_and_keeps_to_the_limit(pieces: list[bytes]) -> None:
    data = b"\n".join(pieces)
    entries, complete = split_lines(data)
    assert b"".join(entries) == data[:complete]
    assert all(len(entry) <= PARTIAL_SIZE for entry in entries)
    assert all(entry.endswith(b"\n") or len(entry) == PARTIAL_SIZE for entry in entries)
    assert b"\n" not in data[complete:]
    assert len(data) - complete < PARTIAL_SIZE


# Written by Docker 28.5 for the same bytes.
ORIGINAL = [
    (b"hello\n", rb'{"log":"hello\n","stream":"stdout","time":"2026-11-24T02:11:24.0325Z"}'),
    (b'a"b\\c\t\r\x01\n', rb'{"log":"a\"b\\c\u0009\r\u0001\n","stream":"stdout","time":"2026-11-24T02:11:24.0325Z"}'),
    (b"<&>\n", rb'{"log":"\u003c\u0026\u003e\n","stream":"stdout","time":"2026-11-24T02:11:24.0325Z"}'),
    (b"\xff\xe2\x82x", rb'{"log":"\ufffd\ufffd\ufffdx","stream":"stdout","time":"2026-11-24T02:11:24.0325Z"}'),
    ("ü\u2028€".encode(), '{"log":"ü\\u2028€","stream":"stdout","time":"2026-11-24T02:11:24.0325Z"}'.encode()),
]


@pytest.mark.parametrize(("line", "written"), ORIGINAL)
def test_the_format_is_dockers_byte_for_byte(line: bytes, written: bytes) -> None:
    assert json_line_from_entry(Entry(1795486284032500000, "stdout", line)) == written + b"\n"


@given(st.text(), st.integers(min_value=0, max_value=4 * 10**18))
def test_text_comes_back_as_it_was(text: str, time: int) -> None:
    line = text.encode("utf-8", "ignore")
    entry = Entry(time, "stderr", line)
    written = json_line_from_entry(entry)
    json.loads(written)
    assert entry_from_json_line(written) == (entry, {})


def entries_of(path: str, **selection: object) -> list[bytes]:
    chosen = Selection(streams=BOTH, **selection)  # type: ignore[arg-type]
    return [entry.line for entry, _ in read_all(path, chosen)]


def write_lines(writer: JsonFileWriter, numbers: Sequence[int]) -> None:
    for number in numbers:
        writer.write([Entry(number * 1_000_000_000, "stdout", b"line %d\n" % number)])


def test_tail_and_times_choose_lines_through_rotations(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    writer = JsonFileWriter(path, Rotation(size=400, files=5))
    write_lines(writer, range(20))
    writer.close()
    assert len(log_files(path)) > 1
    everything = [b"line %d\n" % number for number in range(20)]
    assert entries_of(path) == everything
    assert entries_of(path, tail=3) == everything[-3:]
    assert entries_of(path, tail=0) == []
    assert entries_of(path, tail=1000) == everything
    assert entries_of(path, since=12 * 10**9) == everything[12:]
    assert entries_of(path, until=3 * 10**9) == everything[:3]
    assert entries_of(path, since=5 * 10**9, until=7 * 10**9) == everything[5:7]


def test_rotation_keeps_the_newest_files(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    writer = JsonFileWriter(path, Rotation(size=100, files=2))
    write_lines(writer, range(50))
    writer.close()
    assert len(log_files(path)) == 2
    assert entries_of(path)[-1] == b"line 49\n"
    assert sum(os.path.getsize(file) for file in log_files(path)) < 400


@pytest.mark.parametrize("failing", ["open", "rename", "rename of the last"])
def test_a_rotation_that_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    """No descriptor, no room: the log was silent for the rest of the container's life."""
    path = str(tmp_path / "log")
    writer = JsonFileWriter(path, Rotation(size=60, files=9))  # each line fills a file
    write_lines(writer, range(4))

    def refuse(*arguments: object, **_options: object) -> None:
        if failing != "rename of the last" or arguments[0] == path:
            raise OSError(errno.EMFILE, "too many open files")
        rename(*arguments)  # type: ignore[arg-type]

    rename = os.rename
    with monkeypatch.context() as broken:
        broken.setattr(os, failing.split()[0], refuse)
        for _ in range(3):
            with pytest.raises(OSError, match="too many"):
                write_lines(writer, [99])
    write_lines(writer, [4, 5])
    writer.close()
    assert entries_of(path) == [b"line %d\n" % number for number in range(6)]
    assert len(log_files(path)) == 6


def test_a_follower_loses_nothing_when_files_rotate_under_it(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    writer = JsonFileWriter(path, Rotation(size=300, files=4))
    reader = JsonFileReader(path, Selection(streams=BOTH))
    seen = []
    for number in range(40):
        write_lines(writer, [number])
        seen += [entry.line for entry, _ in reader.read_more(100)]
    reader.close()
    writer.close()
    assert seen == [b"line %d\n" % number for number in range(40)]


def test_a_time_in_a_large_file_is_found_by_bisection(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    writer = JsonFileWriter(path, Rotation())
    writer.write([Entry(number * 10**9, "stdout", b"%0100d\n" % number) for number in range(20000)])
    writer.close()
    reader = JsonFileReader(path, Selection(streams=BOTH, since=19990 * 10**9))
    assert reader._files[0].tell() > os.path.getsize(path) - 2 * 64 * 1024 - 200
    assert len(reader.read_more(100)) == 10
    reader.close()


def test_a_line_cut_by_a_power_failure_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log"
    whole = json_line_from_entry(Entry(1, "stdout", b"a\n"))
    path.write_bytes(whole + whole[:20] + b"\n" + whole)
    assert entries_of(str(path)) == [b"a\n", b"a\n"]


class Memory:
    """A log in memory that can fail."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, entries: Sequence[Entry], before_append: Callable[[Append], None]) -> None:
        self.lines += [entry.line for entry in entries]

    def close(self) -> None:
        pass


def test_a_line_is_written_before_it_is_taken_and_an_unfinished_one_stays(tmp_path: Path) -> None:
    read, write = os.pipe2(os.O_NONBLOCK)
    peek = os.pipe2(os.O_NONBLOCK)
    memory = Memory()
    progress = Progress(f"{tmp_path}/progress")
    output = Output(descriptor=read, stream="stdout", writer=memory, progress=progress, now=lambda: 1)
    os.write(write, b"one\ntwo\nthr")
    while output.process(peek, hung_up=False):
        pass
    assert memory.lines == [b"one\n", b"two\n"]
    # What a killed daemon had not written is what the next one finds.
    memory_of_next = Memory()
    again = os.dup(read)
    successor = Output(descriptor=again, stream="stdout", writer=memory_of_next, progress=progress, now=lambda: 1)
    os.write(write, b"ee\nend")
    os.close(write)
    while successor.process(peek, hung_up=True):
        pass
    assert memory_of_next.lines == [b"three\n", b"end"]
    assert successor.descriptor == -1
    progress.close()
    for descriptor in (read, *peek):
        os.close(descriptor)


class Stalled:
    """Somebody attached who does not read."""

    is_full = True

    def __init__(self) -> None:
        self.got = b""

    def publish(self, stream: str, data: bytes) -> None:
        self.got += data


def test_who_does_not_read_holds_up_a_running_program_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_module, "MOST_AT_THE_END", 8)
    read, write = os.pipe2(os.O_NONBLOCK)
    stalled, ends = Stalled(), []
    output = Output(descriptor=read, stream="stdout", writer=None, progress=None, now=lambda: 1)
    output.subscribers = lambda: [stalled]  # type: ignore[list-item]
    output.on_end = lambda: ends.append(True)
    assert output.is_blocked()
    assert not output.process((-1, -1), hung_up=False)
    output.expect_end()
    assert not output.is_blocked()
    assert output.quiet_looks == 0  # the silence before the end says nothing about what comes after it
    os.write(write, b"last")
    assert output.process((-1, -1), hung_up=False)
    assert not output.process((-1, -1), hung_up=False)
    assert (stalled.got, output.quiet_looks, ends) == (b"last", 1, [])
    os.write(write, b" of another")  # more than the program can have left: a stranger writes, perhaps for ever
    assert not output.process((-1, -1), hung_up=False)
    assert (output.descriptor, ends) == (-1, [True])
    os.close(write)
