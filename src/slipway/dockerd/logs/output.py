"""One output fifo of one process: what comes out of it goes to the log first, and to whoever is attached."""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress

from slipway.dockerd.logs.interface import LogWriter
from slipway.dockerd.logs.line_splitter import split_lines
from slipway.dockerd.logs.model import Entry
from slipway.dockerd.logs.subscriber import Subscriber
from slipway.linux.pipes import tee

log = logging.getLogger(__name__)

PEEK_SIZE = 64 * 1024
MOST_AT_THE_END = 66 * 1024 * 1024
"""What a process can have printed that is not taken yet when it ends: our shim's spill (64 MiB) and the pipes."""


class Output:
    """Reads one fifo. Used by the pump's thread alone, but for `subscribers`, a tuple that the loop replaces whole.

    With a log the fifo is peeked by tee(2), the lines are written, and only then the bytes are taken: if dockerd is
    killed anywhere in between, the next one finds them. A line that has no end yet stays in the fifo.
    """

    def __init__(self, *, descriptor: int, stream: str, writer: LogWriter | None, now: Callable[[], int]) -> None:
        self.descriptor = descriptor
        self.stream = stream
        self.subscribers: Callable[[], Sequence[Subscriber]] = tuple
        self.on_end: Callable[[], None] = lambda: None
        self.is_ending = False  # the process has: its last line needs no newline, and no writer means no more to come
        self._writer = writer
        self._now = now
        self._taken = 0  # bytes published in all
        self._last_of_it = 0  # of the bytes, once the process has ended: what comes later is somebody else's
        self._seen = 0  # bytes at the fifo's head that were published already

    def is_blocked(self) -> bool:
        """Whether somebody attached reads too slowly for more.

        Not for what is left when the process has ended: it waits for them in our memory, and the shim can go.
        """
        if self.is_ending and self._taken < self._last_of_it:
            return False
        return any(subscriber.is_full for subscriber in self.subscribers())

    def expect_end(self) -> None:
        """The process has ended. Idempotent; called by the loop."""
        if not self.is_ending:
            self._last_of_it = self._taken + MOST_AT_THE_END
            self.is_ending = True

    @property
    def progress(self) -> int:
        """Grows while something of the process's own is taken."""
        return min(self._taken, self._last_of_it) if self.is_ending else self._taken

    def process(self, peek: tuple[int, int], *, hung_up: bool) -> bool:
        """Take one portion out of the fifo; whether it may have more at once. Calls `on_end` at its end."""
        ending = hung_up or self.is_ending
        try:
            took = self._process_logged(peek, ending) if self._writer is not None else self._process_unlogged()
        except BlockingIOError:
            took, ending = 0, hung_up  # empty, but a writer is still there: only an order ends it
        if not took and ending:
            self.finish()
        return took > 0

    def _process_unlogged(self) -> int:
        data = os.read(self.descriptor, PEEK_SIZE)
        self._publish(data)
        return len(data)

    def _process_logged(self, peek: tuple[int, int], hung_up: bool) -> int:
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
        self._write(lines)
        if complete:
            read_exactly(self.descriptor, complete)
        self._seen = len(data) - complete
        return new or complete

    def finish(self) -> None:
        """The other side is closed and everything was taken. Idempotent."""
        if self.descriptor < 0:
            return
        os.close(self.descriptor)
        self.descriptor = -1
        self.on_end()

    def _publish(self, data: bytes) -> None:
        if data:
            self._taken += len(data)
            for subscriber in self.subscribers():
                subscriber.publish(self.stream, data)

    def _write(self, lines: list[bytes]) -> None:
        if not lines or self._writer is None:
            return
        now = self._now()
        try:
            self._writer.write([Entry(now, self.stream, line) for line in lines])
        except OSError as error:
            # As the original: a full disk costs log lines, it does not stop the container.
            log.error("cannot write a log", extra={"fields": {"error": str(error), "lines": len(lines)}})


def read_exactly(descriptor: int, size: int) -> bytes:
    """`size` bytes that are known to be in the pipe."""
    parts = []
    with suppress(BlockingIOError):
        while size and (part := os.read(descriptor, size)):
            parts.append(part)
            size -= len(part)
    return b"".join(parts)
