"""What containers ask of logs: streams for a process, and the log that its output goes to."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from slipway.clients.containerd.tasks import Streams
from slipway.dockerd.logs.model import Append, Entry, Rotation, Selection, StreamPlan

__all__ = ["Append", "Entry", "LogReader", "LogWriter", "Logs", "ProcessStreams", "Rotation", "Selection", "StreamPlan"]


class LogWriter(Protocol):
    """A container's log while it runs. Written on the pump's thread alone, closed when that is done with it."""

    def write(self, entries: Sequence[Entry], before_append: Callable[[Append], None]) -> None:
        """Append, in one or several pieces, each told of before; when this returns, the entries survive the death of
        this process. Raises OSError: then nothing of the last piece is in the log."""

    def close(self) -> None:
        """Nothing more will be written. Idempotent."""


class LogReader(Protocol):
    """A place in a container's log, which may still grow. Blocks on the disk: call it from a thread."""

    @property
    def ended(self) -> bool:
        """Whether an entry at or after `until` was met: nothing later can matter."""

    def read_more(self, limit: int) -> list[tuple[Entry, dict[str, str]]]:
        """Up to about `limit` entries with their attributes, from where the last call ended; fewer or none at the
        present end."""

    def close(self) -> None:
        """Idempotent."""


class Subscription(Protocol):
    """The output of a process as it comes, for one who is attached to it. Read by one coroutine."""

    async def read(self) -> list[tuple[str, bytes]]:
        """What has arrived, as (stream, bytes), waiting for something; empty at the end."""

    def end(self) -> None:
        """No more will come; what is there can still be read. Idempotent."""


class Input(Protocol):
    """The standard input of a process."""

    async def write(self, data: bytes) -> None:
        """Write all of `data`, waiting while the process does not read. Raises BrokenPipeError when it takes none."""


class ProcessStreams(Protocol):
    """The standard streams of one process, of a container's first one or of an exec.

    Order: `open`, or `reopen` for what an earlier dockerd has opened; `started`, or `abandon` when it did not start;
    `drain` when it has ended. Who subscribes before the start gets the first byte.
    """

    def subscribe(self, streams: frozenset[str], *, drops: bool = False) -> Subscription:
        """Everything that is printed on `streams` from now on. Who `drops` loses what does not fit, delaying nobody."""

    def unsubscribe(self, subscriber: Subscription) -> None:
        """He wants no more. Idempotent."""

    async def wait_stdin(self) -> Input | None:
        """The input of the process, once it is started; None if it takes none."""

    def open(self, plan: StreamPlan, writer: LogWriter | None) -> Streams:
        """Make the fifos and read them from now on. Raises OSError. They are on a tmpfs: this does not wait.

        The writer is the streams' from now on: it is closed after the last output, or by `abandon`.
        """

    def reopen(
        self, plan: StreamPlan, writer: LogWriter | None, logged: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """The same for fifos that an earlier dockerd made. Raises FileNotFoundError when one is gone; then none is
        open, and the writer is closed. `logged` bytes at the head of each stream's fifo are in the log (Logs.settle).
        """

    def started(self) -> None:
        """The process runs: input may flow."""

    def close_stdin(self) -> None:
        """End the process's input. Idempotent."""

    async def drain(self, gives_up: Callable[[], bool] = lambda: False) -> None:
        """After the process has ended: wait until all it printed is taken, then let everybody who is attached go.

        To be called before its task is deleted, which loses what is unread. Who reads slowly is not waited for, nor an
        output that somebody outside of the container holds open. Once `gives_up` says so, what is left goes nowhere.
        """

    def abandon(self) -> None:
        """A start has failed: let everybody go."""


class Logs(Protocol):
    """The streams and logs of one engine. All but `streams` blocks on the disk: call it from a thread."""

    def streams(self) -> ProcessStreams:
        """For one process; nothing is open yet."""

    def remove_fifos(self, plan: StreamPlan) -> None:
        """Forget the fifos of a process whose output is drained or abandoned. They are on a tmpfs: does not wait."""

    def settle(self, plan: StreamPlan, log_path: str) -> dict[str, int]:
        """Make whole what a killed dockerd has left half done; how many bytes at the head of each fifo are in the log.
        A crash in between changes nothing: call it again."""

    def writer(self, path: str, rotation: Rotation, attributes: bytes) -> LogWriter:
        """Go on with the log at `path`, or begin one. `attributes`: JSON that each entry gets. Raises OSError."""

    def reader(self, path: str, selection: Selection) -> LogReader:
        """Before the first entry of `selection`; a log that is not there yet is empty."""

    def entries(self, path: str, selection: Selection) -> Iterator[tuple[Entry, dict[str, str]]]:
        """The entries that exist now, oldest first, with their attributes."""
