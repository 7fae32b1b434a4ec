"""A container passes from the process that made it to the shim that stays, soon after its start."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from slipway.contracts.shim_api import messages
from tests.support import processes
from tests.support.processes import children_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

MOST_PRIVATE = 1_800
"""kB that an idle shim may have to itself: 1,250 with Python 3.11 (docs/decisions/shim-template.md)."""


def parent_of(pid):
    return processes.read(pid).parent


def forerunner_of(container):
    (forerunner,) = set(children_of(container.bootstrap.pid)) - {container.pid}
    return forerunner


def private_kilobytes(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def test_the_container_is_its_shim_s_child_from_the_beginning(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        assert parent_of(container.pid) == container.bootstrap.pid
        assert parent_of(forerunner_of(container)) == container.bootstrap.pid
        await container.end()

    scenario(test)


def test_the_started_container_is_the_only_child_of_its_shim(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        shim = container.bootstrap.pid
        await container.passed_on()
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
        await container.passed_on()
        assert private_kilobytes(container.bootstrap.pid) < MOST_PRIVATE
        await container.end()

    scenario(test)


def test_who_waits_before_the_start_is_told_of_the_end(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "read line; exit 42", stdin=True)
        waiting = asyncio.create_task(container.client.wait(container.process))
        writer = os.open(container.bundle / "stdin", os.O_WRONLY)
        await container.start()
        await container.passed_on()
        os.write(writer, b"go\n")
        os.close(writer)
        assert (await waiting).exit_status == 42
        await container.end()

    scenario(test)


def test_a_container_that_dies_with_its_parent_lives_on(scenario):
    """The forerunner ends soon after the start: to the container that must not be its parent's death."""

    async def test(containerd):
        container = await containerd.container("/bin/parent_death", stdin=True)
        container.open()
        writer = os.open(container.bundle / "stdin", os.O_WRONLY)
        await container.start()
        assert await container.read(size=6) == b"asked\n"
        await container.passed_on()
        os.write(writer, b"x")
        os.close(writer)
        assert (await container.client.wait(container.process)).exit_status == 7
        await container.end()

    scenario(test)


def test_input_under_way_arrives_whole(scenario):
    """More than a pipe holds: some of it is in the forerunner's memory when it passes the container on."""
    text = os.urandom(100_000).hex().encode()
    script = 'trap "go=1" USR1; echo ready; while [ -z "$go" ]; do sleep 0.05; done; cat'

    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", script, stdin=True)
        container.open()
        writer = os.open(container.bundle / "stdin", os.O_WRONLY)
        writing = asyncio.create_task(asyncio.to_thread(os.write, writer, text))
        await container.start()
        assert await container.read(size=6) == b"ready\n"
        await container.passed_on()
        await container.client.kill(messages.KillRequest(id=container.id, signal=signal.SIGUSR1))
        assert await container.read(size=len(text)) == text
        await writing
        os.close(writer)
        await container.end()

    scenario(test)


@pytest.mark.parametrize("terminal", [False, True])
def test_output_before_and_after_is_whole(scenario, terminal):
    async def test(containerd):
        script = "seq 20000; read line; seq 20000"
        container = await containerd.container("/bin/sh", "-c", script, terminal=terminal, stdin=True)
        container.open()
        writer = os.open(container.bundle / "stdin", os.O_WRONLY)
        await container.start()
        end = b"\r\n" if terminal else b"\n"
        once = b"".join(b"%d%s" % (number, end) for number in range(1, 20001))
        assert await container.read(size=len(once)) == once
        await container.passed_on()
        os.write(writer, b"\n")
        echo = end if terminal else b""
        assert await container.read() == echo + once
        assert (await container.client.wait(container.process)).exit_status == 0
        os.close(writer)
        await container.end()

    scenario(test)


def test_output_that_nobody_reads_keeps_the_forerunner(scenario):
    """What is spilled is in its memory, or its nameless file: it serves on until a reader has come."""

    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "seq 100000; exec sleep 1000")
        await container.start()
        container.open()
        once = b"".join(b"%d\n" % number for number in range(1, 100_001))
        assert await container.read(size=len(once)) == once
        await container.passed_on()
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


def test_who_ends_while_it_is_passed_on_has_its_status(scenario):
    """At any moment: before, between the forerunner's last look and its end, after."""

    async def live(containerd, number):
        container = await containerd.container("/bin/sh", "-c", f"sleep {0.9 + number / 50}; exit {number}")
        await container.start()
        assert (await container.client.wait(container.process)).exit_status == number
        await container.end()

    async def test(containerd):
        async with asyncio.TaskGroup() as lives:
            for number in range(1, 25):
                lives.create_task(live(containerd, number))
        assert containerd.topics().count("/tasks/exit") == 24

    scenario(test)


def test_events_come_in_order_and_once(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        await container.passed_on()
        await container.client.kill(messages.KillRequest(id=container.id, signal=9))
        await container.client.wait(container.process)
        await container.end()
        assert containerd.topics() == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]

    scenario(test)


@pytest.mark.in_guest
def test_nothing_is_left_of_a_container_that_was_never_passed_on(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/true")
        both = [processes.read(pid) for pid in (container.bootstrap.pid, forerunner_of(container))]
        await container.start()
        await container.client.wait(container.process)
        await container.end()
        wait_until(lambda: not any(process.is_alive() for process in both), "the end of both processes")

    scenario(test)


def test_a_shim_killed_before_the_start_leaves_no_process(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        shim = container.bootstrap.pid
        forerunner = forerunner_of(container)
        os.kill(shim, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{forerunner}"), "the forerunner to end")
        await containerd.launcher.delete(container.request)
        wait_until(lambda: not os.path.exists(f"/proc/{container.pid}"), "the container to end")

    scenario(test)
