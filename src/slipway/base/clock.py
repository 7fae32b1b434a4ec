"""Time as a parameter: the daemons take a Clock, tests pass their own."""

import time


class Clock:
    """The real clock: `now` is nanoseconds since the epoch (wall), `monotonic` seconds that never go back."""

    __slots__ = ()

    def now(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()
