"""A container passes from the process that made it to the shim that stays, before Start is answered."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from slipway.contracts.shim_api import messages
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

MOST_PRIVATE = 1_800
"""kB that an idle shim may have to itself: 1,250 with Python 3.11 (docs/decisions/shim-template.md)."""


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children_of(pid):
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def private_kilobytes(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def test_the_started_container_is_the_only_child_of_its_shim(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        shim = container.bootstrap.pid
        assert parent_of(container.pid) == shim
        assert children_of(shim) == [container.pid]
        assert parent_of(shim) == containerd.launcher.pid
        connected = await container.client.connect(container.task)
        assert (connected.shim_pid, connected.task_pid) == (shim, container.pid)
        await container.end()

    scenario(test)


def test_an_idle_shim_has_little_memory_of_its_own(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        assert private_kilobytes(container.bootstrap.pid) < MOST_PRIVATE
        await container.end()

    scenario(test)


def test_who_waits_before_the_start_is_told_of_the_end(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "read line; exit 42", stdin=True)
        waiting = asyncio.create_task(container.client.wait(container.process))
        writer = os.open(container.bundle / "stdin", os.O_WRONLY)
        await container.start()
        os.write(writer, b"go\n")
        os.close(writer)
        assert (await waiting).exit_status == 42
        await container.end()

    scenario(test)


def test_input_from_before_the_start_arrives_whole(scenario):
    """More than a pipe holds: some of it is in the forerunner's memory when it passes the container on."""
    size = 200_000

    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "cat", stdin=True)
        container.open()
        writer = os.open(container.bundle / "stdin", os.O_WRONLY)
        text = os.urandom(size // 2).hex().encode()
        writing = asyncio.create_task(asyncio.to_thread(os.write, writer, text))
        await container.start()
        assert await container.read(size=size) == text
        await writing
        os.close(writer)
        await container.end()

    scenario(test)


@pytest.mark.parametrize("terminal", [False, True])
def test_output_of_the_first_moment_is_whole(scenario, terminal):
    async def test(containerd):
        container = await containerd.container("/bin/seq", "20000", terminal=terminal)
        container.open()
        await container.start()
        expected = b"".join(b"%d%s\n" % (number, b"\r" if terminal else b"") for number in range(1, 20001))
        assert await container.read() == expected
        assert (await container.client.wait(container.process)).exit_status == 0
        await container.end()

    scenario(test)


def test_a_container_that_ended_at_once_has_its_status(scenario):
    async def test(containerd):
        for number in range(10):
            container = await containerd.container("/bin/sh", "-c", f"exit {number}")
            await container.start()
            assert (await container.client.wait(container.process)).exit_status == number
            await container.end()

    scenario(test)


def test_events_come_in_order_and_once(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        await container.client.kill(messages.KillRequest(id=container.id, signal=9))
        await container.client.wait(container.process)
        await container.end()
        assert containerd.topics() == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]

    scenario(test)


def test_a_shim_killed_before_the_start_leaves_no_process(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        shim = container.bootstrap.pid
        forerunner = children_of(shim)
        assert len(forerunner) == 1
        os.kill(shim, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{forerunner[0]}"), "the forerunner to end")
        await containerd.launcher.delete(container.request)
        wait_until(lambda: not os.path.exists(f"/proc/{container.pid}"), "the container to end")

    scenario(test)
