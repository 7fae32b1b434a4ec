"""A line of output, how much of the log somebody asked for, and the fifos that output comes from."""

from dataclasses import dataclass
from typing import Final

from slipway.clients.containerd.tasks import Streams

PARTIAL_SIZE: Final = 16 * 1024  # a longer line becomes several entries, all but the last without a newline


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `line` with its newline, if it had one; `stream` is stdout or stderr; `time` in nanoseconds."""

    time: int
    stream: str
    line: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Append:
    """What a writer is about to do: lengthen the file `inode` from `before` to `after` bytes. After it, `source` bytes
    of the entries that it was given are in the log."""

    inode: int
    before: int
    after: int
    source: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which entries: of `streams`, from `since` and before `until` (nanoseconds; 0 for no bound), the last `tail`.

    `tail` of -1 means all; `follow` goes on with what is written later.
    """

    streams: frozenset[str]
    since: int = 0
    until: int = 0
    tail: int = -1
    follow: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """When a file has `size` bytes a new one is begun; `files` are kept. A size of -1 means never."""

    size: int = -1
    files: int = 1


@dataclass(frozen=True, kw_only=True)
class StreamPlan:
    """The streams that a process is to have. `prefix` is the path that its fifos' names begin with."""

    prefix: str
    stdin: bool
    terminal: bool

    @property
    def progress_path(self) -> str:
        """Of the file that tells how far the log is."""
        return f"{self.prefix}-progress"

    def streams(self) -> Streams:
        return Streams(
            stdin=f"{self.prefix}-stdin" if self.stdin else "",
            stdout=f"{self.prefix}-stdout",
            stderr="" if self.terminal else f"{self.prefix}-stderr",
            terminal=self.terminal,
        )
