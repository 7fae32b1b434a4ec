"""Tells of lines that could not be written, without filling the log of the daemon, which may share the full disk."""

import logging
from typing import Final

log = logging.getLogger(__name__)

EVERY: Final = 10_000_000_000  # nanoseconds between two lines about one output


class Losses:
    """Of one output."""

    def __init__(self) -> None:
        self._lines = 0
        self._error = ""
        self._told_at = 0

    def note(self, error: OSError, lines: int, now: int) -> None:
        """`lines` are lost at `now` (nanoseconds). Tells of all since it last did, where that is long ago."""
        self._lines += lines
        self._error = str(error)
        if now - self._told_at >= EVERY:
            self._told_at = now
            self.tell()

    def tell(self) -> None:
        """Of what was not told yet."""
        if self._lines:
            log.error("cannot write a log", extra={"fields": {"error": self._error, "lines": self._lines}})
        self._lines = 0
