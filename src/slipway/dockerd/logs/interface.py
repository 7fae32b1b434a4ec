"""What takes a container's output entries, and what gives them back."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from slipway.dockerd.logs.model import Append, Entry, Rotation, Selection

__all__ = ["Append", "Entry", "LogWriter", "Rotation", "Selection"]


class LogWriter(Protocol):
    """A container's log while it runs. Written on the pump's thread alone, closed when that is done with it."""

    def write(self, entries: Sequence[Entry], before_append: Callable[[Append], None]) -> None:
        """Append, in one or several pieces, each told of before; when this returns, the entries survive the death of
        this process. Raises OSError: then nothing of the last piece is in the log."""

    def close(self) -> None:
        """Nothing more will be written. Idempotent."""


class LogReader(Protocol):
    """A container's log as files. Blocks on the disk: call it from a thread."""

    def read(self, selection: Selection) -> Iterator[tuple[Entry, dict[str, str]]]:
        """The entries that exist now, oldest first, with their attributes."""


class Subscription(Protocol):
    """The output of a process as it comes, for one who is attached to it. Read by one coroutine."""

    async def read(self) -> list[tuple[str, bytes]]:
        """What has arrived, as (stream, bytes), waiting for something; empty at the end."""
