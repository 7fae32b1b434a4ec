"""A container's output reaches whoever reads the fifo: all of it, in order, whenever the reader comes and goes."""

import os
from contextlib import suppress

import pytest

from slipway.shim.stdio.output import Output
from slipway.shim.stdio.spill import Spill
from slipway.transport.plain.fifo import unread_bytes
from slipway.transport.plain.file_events import FileEvents
from slipway.transport.plain.loop import Loop

LIMIT = 1024 * 1024


class Stream:
    """A pipe as the container writes it, the Output under test, and the fifo as a reader sees it."""

    def __init__(self, folder, *, begins=True):
        self.loop = Loop()
        self.loop.open()
        self.fifo = f"{folder}/stdout"
        os.mkfifo(self.fifo)
        source, self.container = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.container, False)
        self.reader = -1
        self.spill = Spill(str(folder), LIMIT)
        self.events = FileEvents(self.loop)
        self.output = Output(self.loop, self.events, source, self.fifo, self.spill, splices=True)
        if begins:
            self.output.begin()

    def turn_until(self, condition, seconds=5.0):
        timed_out = []
        timer = self.loop.call_later(seconds, lambda: timed_out.append(True))
        while not condition():
            tick = self.loop.call_later(0.005, lambda: None)
            self.loop._turn()
            tick.cancel()
            assert not timed_out, "the stream did not get there in time"
        timer.cancel()

    def open_reader(self):
        self.reader = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)

    def close_reader(self):
        os.close(self.reader)
        self.reader = -1

    def read(self, size):
        received = bytearray()

        def enough():
            with suppress(BlockingIOError):
                received.extend(os.read(self.reader, 65536))
            return len(received) >= size

        self.turn_until(enough)
        return bytes(received)

    def write_all(self, data):
        left = memoryview(data)

        def written():
            nonlocal left
            with suppress(BlockingIOError):
                left = left[os.write(self.container, left) :]
            return not left

        self.turn_until(written)

    def end(self):
        os.close(self.container)
        self.container = -1

    def close(self):
        if not self.output.finished.done:
            self.output.discard()
        self.events.close()
        for descriptor in (self.container, self.reader):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def stream(tmp_path):
    stream = Stream(tmp_path)
    yield stream
    stream.close()


def test_a_reader_gets_what_is_written_and_then_the_end(stream):
    stream.open_reader()
    os.write(stream.container, b"hello\n")
    assert stream.read(6) == b"hello\n"
    stream.end()
    stream.turn_until(lambda: stream.output.finished.done)
    assert os.read(stream.reader, 1) == b""


def test_a_reader_that_comes_late_gets_everything(stream):
    stream.write_all(b"early\n")
    stream.turn_until(lambda: stream.spill.pending > 0)
    stream.open_reader()
    assert stream.read(6) == b"early\n"


def test_the_end_waits_for_a_reader(stream):
    stream.write_all(b"last words\n")
    stream.end()
    stream.turn_until(lambda: stream.output._ended)
    assert not stream.output.finished.done
    stream.open_reader()
    assert stream.read(11) == b"last words\n"
    stream.turn_until(lambda: stream.output.finished.done)
    assert os.read(stream.reader, 1) == b""


def test_no_line_is_lost_and_no_writer_stalls_while_nobody_reads(stream):
    stream.open_reader()
    lines = b"".join(b"line %06d\n" % number for number in range(60_000))
    half = len(lines) // 2
    os.write(stream.container, lines[:1000])
    first = stream.read(1000)
    stream.close_reader()
    stream.write_all(lines[1000:half])
    stream.open_reader()
    second = stream.read(100_000)
    stream.close_reader()  # and away again, in the middle of the replay
    in_flight = half - 1000 - len(second)
    stream.turn_until(lambda: stream.spill.pending <= in_flight)
    stream.write_all(lines[half:])
    stream.end()
    stream.open_reader()
    third = stream.read(len(lines) - 1000 - len(second))
    assert first + second + third == lines
    stream.turn_until(lambda: stream.output.finished.done)


def test_a_reader_that_stalls_does_not_stall_the_writer(stream):
    stream.open_reader()
    data = os.urandom(500_000)
    stream.write_all(data)
    assert stream.read(len(data)) == data


def test_at_the_bound_the_writer_stalls_and_nothing_is_lost(stream):
    written = bytearray()

    def stalls():
        block = os.urandom(4096)
        try:
            written.extend(block[: os.write(stream.container, block)])
        except BlockingIOError:
            return stream.spill.full
        return False

    stream.turn_until(stalls)
    assert LIMIT <= len(written) <= LIMIT + 4 * 65536
    stream.open_reader()
    assert stream.read(len(written)) == bytes(written)
    stream.write_all(b"and on it goes")
    assert stream.read(14) == b"and on it goes"


def test_after_a_replay_the_stream_is_direct_again(stream):
    stream.write_all(b"spilled")
    stream.turn_until(lambda: stream.spill.pending > 0)
    stream.open_reader()
    stream.read(7)
    os.write(stream.container, b"direct")
    assert stream.read(6) == b"direct"
    assert stream.spill.pending == 0


def test_discarding_ends_a_stream_that_nobody_reads(stream):
    stream.write_all(b"unread")
    stream.end()
    stream.turn_until(lambda: stream.output._ended)
    stream.output.discard()
    assert stream.output.finished.done


def test_a_runtime_that_writes_more_than_the_pipe_holds_goes_on(tmp_path):
    """Its first words are kept, and come before the container's own output; the rest is dropped."""
    stream = Stream(tmp_path, begins=False)
    try:
        stream.open_reader()
        stream.output.relieve()
        stream.write_all(b"r" * 300_000)
        stream.turn_until(lambda: not unread_bytes(stream.container))
        stream.output.begin()
        stream.write_all(b"container")
        assert stream.read(65536 + 9) == b"r" * 65536 + b"container"
    finally:
        stream.close()
