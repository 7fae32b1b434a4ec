"""One output stream of a container, from its pipe or terminal to a fifo, without loss and without stalling the writer.

    creating   what the runtime writes before there is a container: its first 64 KiB are kept, the rest is dropped
    direct     the fifo takes all: what is readable is moved, by splice where the kernel can
    waiting    the fifo is full: nothing is read for PATIENCE, then
    spilling   nobody reads: what the container writes goes to the spill; a reader that comes (back) gets it in order,
               and when all of it is through, the stream is direct again
    ending     the container's end is closed: what is pending is delivered, and when the reader has taken it, the fifo
               is closed, which it sees as the end of the stream

A stream whose reader is gone for good ends when `discard` is called: at the latest when the process is deleted.
"""

from __future__ import annotations

import errno
import os
import select

from slipway.linux import inotify
from slipway.shim.stdio.spill import MEMORY, Spill
from slipway.transport.plain.fifo import open_writer, unread_bytes
from slipway.transport.plain.file_events import FileEvents
from slipway.transport.plain.loop import READABLE, WRITABLE, Future, Loop, Timer

PATIENCE = 0.1
"""Seconds that a full fifo may hold up its writer before we spill."""

_FIRST_LOOK, _LAST_LOOK = 0.001, 0.05  # seconds between looks whether the reader has taken the rest
_SELDOM = 1.0  # seconds between looks for what we cannot be told of: a reader, room on the disk
_SPLICE_NONBLOCK = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE


class Output:
    """Owns `source` (not blocking) and the fifo's writing end. `finished` resolves when both are closed."""

    def __init__(
        self,
        loop: Loop,
        events: FileEvents,
        source: int,
        fifo: str,
        spill: Spill,
        *,
        splices: bool,
        sink: int = -1,
    ) -> None:
        """`splices`: the source is a pipe, not a terminal. Nothing flows before `begin`.

        `sink` is the fifo's writing end where it is open already. Raises NotFound or InvalidArgument for a bad fifo.
        """
        self._sink = sink if sink >= 0 else open_writer(fifo)
        self._loop = loop
        self._events = events
        self._source = source
        self._fifo = fifo
        self._spill = spill
        self._splices = splices
        self._spilling = False
        self._ended = False
        self._is_retrying = False
        self._timer: Timer | None = None
        self._look = _FIRST_LOOK
        self._has_reader = True
        self.finished: Future = loop.future()
        os.set_blocking(source, False)

    def relieve(self) -> None:
        """Until `begin`, let the runtime go on when it writes more than the pipe holds: it would never end."""
        self._loop.watch(self._source, READABLE, self._keep_first)

    def _keep_first(self, _events: int) -> None:
        data = os.read(self._source, MEMORY)
        if not data:
            self._loop.unwatch(self._source)
        if room := MEMORY - self._spill.pending:
            self._spill.append(data[:room])

    def begin(self) -> None:
        """Let it flow. What a runtime that fails has written until now is in its log, too, and not the container's."""
        if self._spill.pending:
            self._start_spilling()
        else:
            self._read_source()

    def give(self) -> tuple[int, int, str, bool] | None:
        """(source, sink, fifo, splices), for another process; None unless the stream is direct."""
        if self._ended or self._spilling or self._timer is not None or not self._has_reader:
            return None
        return self._source, self._sink, self._fifo, self._splices

    def is_read(self) -> bool:
        """Whether anybody has the fifo open for reading now."""
        return self._sink >= 0 and _anyone_reads(self._sink)

    # The container's side

    def _read_source(self) -> None:
        if self._ended:
            return
        if not self._spill.full:
            self._loop.watch(self._source, READABLE, self._source_ready)
        elif self._spill.is_stuck and not self._is_retrying:
            self._is_retrying = True
            self._loop.call_later(_SELDOM, self._retry_disk)

    def _retry_disk(self) -> None:
        """The disk was full; a reader may have taken all meanwhile."""
        self._is_retrying = False
        if self._sink >= 0 and self._spill.is_stuck:
            self._spill.retry()
            self._read_source()

    def _source_ready(self, _events: int) -> None:
        if self._spilling:
            self._spill_some()
        elif self._splices:
            self._splice_some()
        else:
            self._pass_some()

    def _splice_some(self) -> None:
        """The source is readable, so EAGAIN means that the fifo is full."""
        try:
            if not os.splice(self._source, self._sink, MEMORY, flags=_SPLICE_NONBLOCK):
                self._source_ended()
        except BlockingIOError:
            self._wait_for_room()
        except BrokenPipeError:
            self._reader_left()

    def _pass_some(self) -> None:
        data = self._read()
        if data:
            written = self._write(data)
            if written < len(data):
                self._spill.append(data[written:])
                self._start_spilling()

    def _spill_some(self) -> None:
        data = self._read()
        if data:
            self._spill.append(data)
            if self._spill.full:
                self._loop.unwatch(self._source)
                self._read_source()

    def _read(self) -> bytes:
        try:
            data = os.read(self._source, MEMORY)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal that nobody has open any more
                raise
            data = b""
        if not data:
            self._source_ended()
        return data

    def _source_ended(self) -> None:
        self._ended = True
        self._loop.unwatch(self._source)
        self._end_when_taken()

    # The reader's side

    def _write(self, data: bytes) -> int:
        """How many bytes the fifo took; 0 when it is full or nobody reads."""
        try:
            return os.write(self._sink, data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            self._reader_left()
            return 0

    def _wait_for_room(self) -> None:
        self._loop.unwatch(self._source)
        self._loop.watch(self._sink, WRITABLE, self._sink_ready)
        self._timer = self._loop.call_later(PATIENCE, self._start_spilling)

    def _start_spilling(self) -> None:
        self._stop_timer()
        self._spilling = True
        if self._has_reader:
            self._loop.watch(self._sink, WRITABLE, self._sink_ready)
        self._read_source()

    def _sink_ready(self, events: int) -> None:
        if not events & WRITABLE:  # EPOLLERR: the last reader closed
            self._reader_left()
            return
        self._stop_timer()
        while self._spill.pending:
            written = self._write(self._spill.peek(MEMORY))
            if not written:
                self._read_source()
                return
            self._spill.drop(written)
        self._spilling = False
        self._loop.unwatch(self._sink)
        if self._ended:
            self._end_when_taken()
        else:
            self._read_source()

    def _reader_left(self) -> None:
        self._has_reader = False
        self._loop.unwatch(self._sink)
        if not self._ended:
            self._start_spilling()
        try:
            self._events.watch(self._fifo, inotify.OPENED, self._look_for_reader)
        except OSError:  # the fifo's name is gone, or the user's inotify limit reached: look from time to time
            self._loop.call_later(_SELDOM, self._reader_left_still)
        self._look_for_reader()  # one may have come between the failed write and the watch

    def _reader_left_still(self) -> None:
        self._look_for_reader()
        if not self._has_reader and self._sink >= 0:
            self._loop.call_later(_SELDOM, self._reader_left_still)

    def _look_for_reader(self, _mask: int = 0) -> None:
        if self._has_reader or self._sink < 0 or not _anyone_reads(self._sink):
            return
        self._has_reader = True
        if self._spill.pending:
            self._loop.watch(self._sink, WRITABLE, self._sink_ready)
        elif self._ended:
            self._end_when_taken()
        else:
            self._spilling = False

    # The end

    def _end_when_taken(self) -> None:
        """Close once the reader has all: closing earlier would lose it if the reader died now."""
        if self._sink < 0:
            return
        if self._spill.pending:
            if self._has_reader:
                self._loop.watch(self._sink, WRITABLE, self._sink_ready)
        elif not unread_bytes(self._sink):
            self._close()
        elif not _anyone_reads(self._sink):
            self._reader_left()
        else:
            self._timer = self._loop.call_later(self._look, self._end_when_taken)
            self._look = min(self._look * 2, _LAST_LOOK)

    def discard(self) -> None:
        """Close both ends now; what is pending is lost."""
        self._ended = True
        self._close()

    def _close(self) -> None:
        if self._sink < 0:
            return
        self._stop_timer()
        for descriptor in (self._source, self._sink):
            self._loop.unwatch(descriptor)
            os.close(descriptor)
        self._sink = -1
        self._spill.close()
        self.finished.resolve()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _anyone_reads(fifo: int) -> bool:
    """Whether the fifo of this writing end has a reader: without one, the kernel reports an error on it (poll(2))."""
    poll = select.poll()
    poll.register(fifo, 0)
    return not poll.poll(0)
