"""What heir and forerunner say to each other."""

import marshal
from contextlib import closing, suppress

from slipway.shim import handover
from slipway.transport.plain.children import Exit


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


def test_the_heir_finds_the_descriptors_of_every_container() -> None:
    """The same ones, under its own numbers; and the exits that the forerunner had not read."""
    streams = [
        (-1, (20, -1, 21, True, b"typed"), [(22, 23, "/fifo/out", True), (24, -1, "/log", False)]),
        (30, None, [(31, 32, "/fifo/pty", False)]),
    ]
    connections = [(11, 5, [(3, "service", "Wait", b"", 0, {})]), (12, 7, [])]
    numbers = handover._descriptors(10, connections, streams)
    assert sorted(numbers) == [10, 11, 12, 20, 21, 22, 23, 24, 30, 31, 32]
    about_us = ("/s.sock", "/bundle", "test", "/events", True)
    payload = marshal.dumps((numbers, about_us, 10, connections, ["one", "two"], streams, 3))
    told = [Exit(pid, 0, 0) for pid in range(5)]
    heir = handover.Inheritance(payload, [number + 100 for number in numbers], told, 5)
    assert heir.listener == 110
    assert [connection[0] for connection in heir._connections] == [111, 112]
    assert heir._containers == ["one", "two"]
    assert heir._streams == [
        (-1, (120, -1, 121, True, b"typed"), [(122, 123, "/fifo/out", True), (124, -1, "/log", False)]),
        (130, None, [(131, 132, "/fifo/pty", False)]),
    ]
    assert heir._exits == told[3:]
    assert heir.names.is_shared
