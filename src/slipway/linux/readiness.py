"""Waiting for one descriptor, for however long anybody says."""

import select

_LONGEST = (1 << 31) - 1  # milliseconds that poll(2) takes: 24 days


def is_readable(descriptor: int, timeout: float) -> bool:
    """Whether there is something to read, or (of a pidfd) the process has ended, within `timeout` seconds."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(min(timeout * 1000, _LONGEST)))
