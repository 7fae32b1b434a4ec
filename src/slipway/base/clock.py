"""Time as a parameter: the daemons take a Clock, tests pass their own."""

import time


class Clock:
    """The real clock: `now` is nanoseconds since the epoch (wall), `monotonic` seconds that never go back."""

    __slots__ = ()

    def now(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    def local_offset(self) -> int:
        """Seconds by which this machine's local time is ahead of UTC now."""
        return time.localtime().tm_gmtoff
