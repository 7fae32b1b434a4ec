"""The fifos of a process: all of them are open, or none."""

import asyncio
import gc
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from slipway.dockerd.logs.model import Append, Entry, StreamPlan
from slipway.dockerd.logs.process_streams import FifoStreams
from slipway.dockerd.logs.pump import OutputPump


class Writer:
    is_closed = False

    def write(self, entries: Sequence[Entry], before_append: Callable[[Append], None]) -> None:
        raise AssertionError("nothing was printed")

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("there", [[], ["stdout"], ["stdout", "stderr"]])
def test_nothing_stays_open_when_a_fifo_of_an_earlier_daemon_is_gone(tmp_path: Path, there: list[str]) -> None:
    for name in there:
        os.mkfifo(tmp_path / f"init-{name}")
    writer, pump = Writer(), OutputPump()
    gc.collect()  # what other tests left would close its descriptors while ours are counted

    async def test() -> None:
        before = os.listdir("/proc/self/fd")
        streams = FifoStreams(pump, lambda: 1)
        plan = StreamPlan(prefix=f"{tmp_path}/init", stdin=True, terminal=False)
        with pytest.raises(FileNotFoundError):
            streams.reopen(plan, writer)
        assert os.listdir("/proc/self/fd") == before
        await streams.drain()  # as at the end of a process whose streams are open

    asyncio.run(test())
    assert writer.is_closed
