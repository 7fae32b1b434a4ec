"""What heir and forerunner say to each other."""

import marshal
from contextlib import closing, suppress

from slipway.shim import handover


def test_the_heir_remembers_more_exits_than_can_be_under_way() -> None:
    """However large the machine's default buffers are: a flood of orphans must not hide the end of the container."""
    heirs, forerunners = handover.channel_pair()
    heirs.setblocking(False)
    sent = 0
    with closing(heirs), closing(forerunners), suppress(BlockingIOError):
        while sent < 100_000:
            heirs.send(marshal.dumps((1, 0, 0)))
            sent += 1
    assert 10 < sent < handover._MOST_UNREAD / 2
