"""One output fifo of one process: what comes out of it goes to the log first, and to whoever is attached."""

import os
from collections.abc import Callable, Sequence

from slipway.dockerd.logs.interface import LogWriter
from slipway.dockerd.logs.line_splitter import split_lines
from slipway.dockerd.logs.losses import Losses
from slipway.dockerd.logs.model import Append, Entry
from slipway.dockerd.logs.progress import Progress, read_exactly
from slipway.dockerd.logs.subscriber import Subscriber
from slipway.linux.pipes import tee

PEEK_SIZE = 64 * 1024
LITTLE = 4 * 1024
MOST_AT_THE_END = 66 * 1024 * 1024
"""Bytes that a process can have printed and nobody taken when it ends: the shim's spill (64 MiB) and the pipes."""


class Output:
    """Reads one fifo. Used by the pump's thread alone, but for `subscribers`, a tuple that the loop replaces whole.

    With a log the fifo is peeked by tee(2), the lines are written, and only then the bytes are taken: if dockerd is
    killed anywhere in between, the next one finds them, and `progress` tells it what of them is in the log already. A
    line that has no end yet stays in the fifo.
    """

    def __init__(
        self,
        *,
        descriptor: int,
        stream: str,
        writer: LogWriter | None,
        progress: Progress | None,
        now: Callable[[], int],
    ) -> None:
        self.descriptor = descriptor
        self.stream = stream
        self.subscribers: Callable[[], Sequence[Subscriber]] = tuple
        self.on_end: Callable[[], None] = lambda: None
        self.is_at_end = False  # what is there now is all: the last line needs no newline
        self.quiet_looks = 0  # how often nothing new was found since something was, or since the process's end
        self._taken = 0
        self._ended_at = -1  # `_taken` at the process's end
        self._writer = writer
        self._progress = progress
        self._now = now
        self._losses = Losses()
        self._seen = 0  # bytes at the fifo's head that were published already

    def is_blocked(self) -> bool:
        """Whether somebody attached reads too slowly for more.

        What is left when the process has ended waits for him in our memory: it goes to the log, and the shim can go.
        """
        return self._ended_at < 0 and any(subscriber.is_full for subscriber in self.subscribers())

    def expect_end(self) -> None:
        """The process has ended: no writer means no more to come, and its last line needs no newline."""
        if self._ended_at < 0:
            self._ended_at = self._taken
            self.quiet_looks = 0

    def process(self, peek: tuple[int, int], *, hung_up: bool) -> bool:
        """Take one portion out of the fifo; whether it may have more at once. Calls `on_end` at its end."""
        ending = hung_up or self._ended_at >= 0
        try:
            if self._writer is not None and self._progress is not None:
                took = self._process_logged(self._writer, self._progress, peek, hung_up or self._has_all())
            else:
                took = self._process_unlogged()
        except BlockingIOError:
            took, ending = 0, hung_up  # empty, but a writer is still there: only an order ends it
        self.quiet_looks = 0 if took else self.quiet_looks + 1
        if took:
            self._taken += took
            self.is_at_end = False
        if self._is_beyond_end() or (not took and ending and not self._seen):  # else a part of a line waits for more
            self.finish()
            return False
        return took > 0

    def _is_beyond_end(self) -> bool:
        """Whether more came after the process's end than it can have left: a stranger writes, perhaps for ever."""
        return self._ended_at >= 0 and self._taken - self._ended_at >= MOST_AT_THE_END

    def _has_all(self) -> bool:
        """Whether a line without its end is the last. Who took much since the process's end waits: there may be more in
        the shim, and half a line would be told as one."""
        return self.is_at_end or (self._ended_at >= 0 and self._taken - self._ended_at < LITTLE)

    def _process_unlogged(self) -> int:
        data = os.read(self.descriptor, PEEK_SIZE)
        self._publish(data)
        return len(data)

    def _process_logged(self, writer: LogWriter, progress: Progress, peek: tuple[int, int], hung_up: bool) -> int:
        """How many bytes were new, or were taken."""
        size = tee(self.descriptor, peek[1], PEEK_SIZE)
        if not size:
            return 0
        data = read_exactly(peek[0], size)
        lines, complete = split_lines(data)
        if hung_up and complete < len(data) and len(data) == self._seen:
            lines.append(data[complete:])  # the last line of all has no newline
            complete = len(data)
        self._publish(data[self._seen :])
        new = len(data) - self._seen
        self._write(writer, progress, lines)
        if complete:
            progress.take(self.descriptor, complete)
        self._seen = len(data) - complete
        return new or complete

    def finish(self) -> None:
        """The other side is closed and everything was taken. Idempotent."""
        if self.descriptor < 0:
            return
        os.close(self.descriptor)
        self.descriptor = -1
        self._losses.tell()
        self.on_end()

    def _publish(self, data: bytes) -> None:
        if data:
            for subscriber in self.subscribers():
                subscriber.publish(self.stream, data)

    def _write(self, writer: LogWriter, progress: Progress, lines: list[bytes]) -> None:
        if not lines:
            return
        now = self._now()
        appended = 0

        def before_append(append: Append) -> None:
            nonlocal appended
            progress.will_append(self.stream, appended, append)
            appended = append.source

        try:
            writer.write([Entry(now, self.stream, line) for line in lines], before_append)
        except OSError as error:
            # As the original: a full disk costs log lines, it does not stop the container.
            self._losses.note(error, len(lines), now)
