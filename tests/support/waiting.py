"""Waiting for a condition, with a deadline and a sentence. The only place in tests that sleeps."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SLOWNESS = 10 if os.environ.get("SLIPWAY_GUEST") else 1  # the guest of tools/vm is emulated


def wait_until(condition: Callable[[], T], what: str, seconds: float = 10.0) -> T:
    """The first truthy value of `condition`. AssertionError of `what` after `seconds`, ten times that in the guest."""
    deadline = time.monotonic() + seconds * SLOWNESS
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
