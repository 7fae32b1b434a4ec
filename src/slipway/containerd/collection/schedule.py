"""When to collect: after how many deletions, and how long after them. Pure."""

from dataclasses import dataclass
from typing import Final

# Deletions within this time are collected together; the original waits for none, but collects far less often.
REST_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What io.containerd.gc.v1.scheduler says.

    A collection holds up who writes to the database; `pause_share` is how much of the time may go into that (0: no
    limit). One is due after `deletions`, and begins after `rest` seconds, or later for the sake of that share. The
    first follows `startup_delay` seconds after the start.
    """

    pause_share: float = 0.02
    deletions: int = 1
    rest: float = REST_SECONDS
    startup_delay: float = 0.1

    def is_due(self, deletions: int) -> bool:
        """Whether so many deletions since the last collection are enough."""
        return deletions >= max(1, self.deletions)

    def seconds_until_next(self, last_pause: float) -> float:
        """How long to wait when one is due, if the last one has held up writers for `last_pause` seconds."""
        if not 0 < self.pause_share < 1:
            return self.rest
        return max(self.rest, last_pause / self.pause_share - last_pause)
