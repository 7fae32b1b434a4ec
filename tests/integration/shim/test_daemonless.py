"""What a container does while containerd and its client are dead is not lost, and its program never waits for them."""

import asyncio
import os
import signal

import pytest

from slipway.clients.shim.task_client import connect
from slipway.contracts.shim_api import events, messages
from slipway.wire.protobuf import decode
from tests.support.waiting import SLOWNESS

pytestmark = pytest.mark.root


async def until(condition, what, seconds=10.0):
    async with asyncio.timeout(seconds * SLOWNESS):
        while not condition():
            await asyncio.sleep(0.005)
    assert condition(), what


@pytest.mark.in_guest
def test_the_exit_status_is_told_after_the_restart(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "sleep 0.2; exit 42")
        await container.start()
        await until(lambda: "/tasks/start" in containerd.topics(), "the start's event")
        await container.client.close()
        await containerd.vanish()
        await until(lambda: not os.path.exists(f"/proc/{container.pid}"), "the end of the container")
        container.client = await connect(container.bootstrap)
        state = await container.client.state(container.process)
        assert (state.status, state.exit_status) == (messages.STOPPED, 42)
        assert (await container.client.wait(container.process)).exit_status == 42
        await containerd.appear()
        await until(lambda: "/tasks/exit" in containerd.topics(), "the event of the exit")
        [told] = [decode(events.TaskExit, value) for topic, value in containerd.events if topic == "/tasks/exit"]
        assert (told.container_id, told.id, told.exit_status) == (container.id, container.id, 42)
        assert (await container.end()).exit_status == 42

    scenario(test)


def test_events_keep_their_order_across_an_absence(scenario):
    async def test(containerd):
        await containerd.vanish()
        container = await containerd.container("/bin/true")
        await container.start()
        await container.client.wait(container.process)
        await container.client.delete(container.process)
        await containerd.appear()
        await until(lambda: len(containerd.events) == 4, "four events")
        assert containerd.topics() == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]

    scenario(test)


def test_no_line_is_lost_and_no_writer_stalls_without_a_reader(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/seq", "400000")  # 2.7 MB, and 64 kB fit a fifo
        container.open()
        await container.start()
        first = await container.read(size=1000)
        container.shut()
        await until(lambda: not os.path.exists(f"/proc/{container.pid}"), "the end of a writer that nobody reads")
        container.open()
        rest = await container.read()
        whole = b"".join(b"%d\n" % number for number in range(1, 400_001))
        # What the reader that died had taken out of the fifo and not shown is gone with it: at most one read.
        assert whole.startswith(first)
        assert whole.endswith(rest)
        assert len(first) + len(rest) == len(whole)
        await container.end()

    scenario(test)


def test_both_streams_are_kept_apart(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "seq 1 20000; seq 5 20000 >&2")
        await container.start()
        await container.client.wait(container.process)
        container.open("stdout")
        container.open("stderr")
        out = await container.read("stdout")
        err = await container.read("stderr")
        assert out.split() == [b"%d" % number for number in range(1, 20_001)]
        assert err.split() == [b"%d" % number for number in range(5, 20_001)]
        await container.end()

    scenario(test)


def test_the_shim_outlives_the_template(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        os.kill(containerd.launcher.pid, signal.SIGKILL)
        state = await container.client.state(container.process)
        assert state.status == messages.RUNNING
        another = await containerd.container("/bin/true")  # from a new template
        await another.start()
        assert (await another.client.wait(another.process)).exit_status == 0
        await another.end()
        await container.end()

    scenario(test)


def test_a_dead_shim_is_cleaned_up_after(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        os.kill(container.bootstrap.pid, signal.SIGKILL)
        await container.client.wait_closed()
        dead = await containerd.launcher.delete(container.request)
        assert (dead.pid, dead.exit_status) == (container.pid, 137)
        await until(lambda: not os.path.exists(f"/proc/{container.pid}"), "the end of the container")
        assert os.listdir(f"{containerd.folder}/s") == []
        with open("/proc/self/mountinfo") as mounts:
            assert str(container.bundle) not in mounts.read()
        containerd.clients.remove(container)

    scenario(test)
