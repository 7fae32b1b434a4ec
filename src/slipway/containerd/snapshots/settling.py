"""Work that is done once things have come to rest: each request puts it off a little, none puts it off for good."""

import logging
import threading
from collections.abc import Callable

from slipway.base.clock import Clock

log = logging.getLogger(__name__)


class Settling:
    """Calls `work` in a thread of its own: `rest` seconds after the last request, `longest` after the first.

    Nothing runs and nothing waits while nothing is asked for. What `work` raises as OSError is logged; the next request
    tries again.
    """

    def __init__(self, work: Callable[[], None], clock: Clock, *, rest: float, longest: float) -> None:
        self._work = work
        self._clock = clock
        self._rest = rest
        self._longest = longest
        self._lock = threading.Lock()
        self._at_work = threading.Lock()
        self._timer: threading.Timer | None = None
        self._latest = self._due = 0.0
        self._closed = False

    def want(self) -> None:
        """Ask for it; returns at once. From any thread."""
        with self._lock:
            if self._closed:
                return
            now = self._clock.monotonic()
            if self._timer is None:
                self._latest = now + self._longest
                self._start(self._rest)
            self._due = min(now + self._rest, self._latest)

    def close(self) -> None:
        """Do what was asked for and not done yet. Later requests are ignored."""
        with self._lock:
            self._closed = True
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        with self._at_work:
            if timer is not None:
                self._do()

    def _start(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True
        self._timer.start()

    def _fire(self) -> None:
        with self._at_work:
            with self._lock:
                if self._timer is None:
                    return
                left = self._due - self._clock.monotonic()
                if left > 0:
                    self._start(left)
                    return
                self._timer = None
            self._do()

    def _do(self) -> None:
        try:
            self._work()
        except OSError as error:
            log.warning("the disk could not be waited for", extra={"fields": {"error": error}})
