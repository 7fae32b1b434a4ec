"""Containers of one group live in one shim: it is found by the next one's start, and ends with the last of them."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from slipway.base.errors import NotFound
from slipway.clients.shim.exec import ExecLauncher
from slipway.clients.shim.task_client import connect
from slipway.contracts.shim_api import messages
from tests.integration.shim.conftest import Container
from tests.integration.shim.test_tasks import process_spec
from tests.support import processes
from tests.support.paths import LAUNCHERS
from tests.support.waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.root

MATRIX = pytest.mark.matrix
GROUP = {"io.containerd.runc.v2.group": "pod"}
POD = {"io.kubernetes.cri.sandbox-id": "pod"}


async def sleeper(containerd, annotations=GROUP):
    container = await containerd.container("/bin/sleep", "1000", annotations=annotations)
    await container.start()
    return container


async def passed_on_together(members):
    """The forerunner has ended, and the shim serves: the containers are its only children."""
    shim, pids = members[0].bootstrap.pid, sorted(member.pid for member in members)
    await asyncio.to_thread(wait_until, lambda: sorted(processes.children_of(shim)) == pids, "the hand-over")
    for member in members:
        assert (await member.client.state(member.process)).pid == member.pid


async def leave(container):
    """Kill and delete it, and ask its shim to end: it stays for the others."""
    with suppress(NotFound):  # it was killed before
        await container.client.kill(messages.KillRequest(id=container.id, signal=9))
    assert (await container.client.wait(container.process)).exit_status == 137
    deleted = await container.client.delete(container.process)
    assert (deleted.pid, deleted.exit_status) == (container.pid, 137)
    await container.client.shutdown(messages.ShutdownRequest(id=container.id))
    await container.client.close()
    container.containerd.clients.remove(container)


async def echo(container):
    """What a program says that is added to the container."""
    os.mkfifo(container.bundle / "e-out")
    container.open("e-out")
    exec_id, names = "e", {"stdout": str(container.bundle / "e-out")}
    spec = process_spec("/bin/echo", "inside")
    await container.client.exec(messages.ExecProcessRequest(id=container.id, exec_id=exec_id, spec=spec, **names))
    process = messages.ProcessRequest(id=container.id, exec_id=exec_id)
    await container.client.start(process)
    said = await container.read("e-out")
    await container.client.delete(process)
    container.shut("e-out")
    os.unlink(container.bundle / "e-out")
    return said


def socket_of(container):
    return Path(container.bootstrap.address.removeprefix("unix://"))


def shims_of(containerd):
    return [p for p in processes.mentioning(f"-address {containerd.address}") if "-namespace test" in p.command]


async def all_gone(containerd):
    await asyncio.to_thread(wait_until, lambda: not shims_of(containerd), "the end of the shim")


@pytest.mark.parametrize("handed_over", [pytest.param("none", marks=MATRIX), "the first", "all"])
@pytest.mark.parametrize("order", [(0, 1, 2), *(pytest.param(order, marks=MATRIX) for order in ((2, 1, 0), (1, 0, 2)))])
def test_one_shim_serves_a_group_and_ends_with_its_last_container(scenario, order, handed_over):
    async def test(containerd):
        first = await sleeper(containerd)
        if handed_over == "the first":
            await first.passed_on()
        members = [first, await sleeper(containerd), await sleeper(containerd)]
        if handed_over == "all":
            await passed_on_together(members)
        assert len({member.bootstrap.address for member in members}) == 1
        assert {member.bootstrap.pid for member in members} == {first.bootstrap.pid}
        assert {processes.read(member.pid).parent for member in members} == {first.bootstrap.pid}
        for number in order:
            assert await echo(members[number]) == b"inside\n"
        for number in order[:-1]:
            await leave(members[number])
            os.rename(members[number].bundle, f"{members[number].bundle}.gone")
            for other in order[order.index(number) + 1 :]:
                assert (await members[other].client.state(members[other].process)).status == messages.RUNNING
        last = members[order[-1]]
        assert await echo(last) == b"inside\n"
        with pytest.raises(NotFound):
            await last.client.state(members[order[0]].process)
        assert processes.read(first.bootstrap.pid) is not None
        await last.end()
        await all_gone(containerd)
        assert not socket_of(last).exists()
        assert containerd.topics().count("/tasks/exit") == 3 + 4  # the containers, and what was added to them

    scenario(test)


@pytest.mark.matrix
def test_other_groups_and_containers_without_one_have_shims_of_their_own(scenario):
    async def test(containerd):
        members = [
            await sleeper(containerd),
            await sleeper(containerd, POD),  # of the same name: that is what counts
            await sleeper(containerd, {"io.containerd.runc.v2.group": "other"}),
            await sleeper(containerd, {}),
            await sleeper(containerd, {}),
        ]
        addresses = [member.bootstrap.address for member in members]
        assert addresses[0] == addresses[1]
        assert len(set(addresses)) == 4
        for member in members[1:]:
            await (leave(member) if member is members[1] else member.end())
        await members[0].end()
        await all_gone(containerd)

    scenario(test)


def test_many_that_start_at_once_have_one_shim(scenario):
    async def test(containerd):
        members = [Container(containerd, f"c{os.urandom(4).hex()}") for _ in range(8)]
        async with asyncio.TaskGroup() as starts:
            for member in members:
                starts.create_task(member.launch(["/bin/sleep", "1000"], annotations=GROUP))
        assert len({member.bootstrap.address for member in members}) == 1
        connected = [await member.client.connect(member.task) for member in members]
        assert len({answer.shim_pid for answer in connected}) == 1
        async with asyncio.TaskGroup() as creates:
            for member in members:
                creates.create_task(member.make())
        for member in members:
            await member.start()
        for member in members[1:]:
            await leave(member)
        await members[0].end()
        await all_gone(containerd)

    scenario(test)


def test_who_has_joined_is_waited_for(scenario):
    """Between its start and its Create the last other container goes, and its shim is told to end."""

    async def test(containerd):
        first = await sleeper(containerd)
        second = Container(containerd, f"c{os.urandom(4).hex()}")
        await second.launch(["/bin/sleep", "1000"], annotations=GROUP)
        await leave(first)
        await second.make()
        await second.start()
        assert processes.read(second.pid).parent == first.bootstrap.pid
        assert await echo(second) == b"inside\n"
        await second.end()
        await all_gone(containerd)

    scenario(test)


@pytest.mark.matrix
def test_who_has_joined_and_fails_is_not(scenario):
    async def test(containerd):
        first = await sleeper(containerd)
        second = Container(containerd, f"c{os.urandom(4).hex()}")
        await second.launch(["/nowhere"], annotations=GROUP)
        await leave(first)
        with pytest.raises(Exception, match="/nowhere"):
            await second.make()
        await second.client.shutdown(messages.ShutdownRequest(id=second.id))
        async with asyncio.timeout(10 * SLOWNESS):
            await second.client.wait_closed()
        await all_gone(containerd)
        containerd.clients.remove(second)

    scenario(test)


def test_output_of_a_group_is_whole_whoever_serves(scenario):
    """Each container's own, before and after all are passed on; and who waits hears of each end."""

    async def test(containerd):
        members = []
        for number in range(3):
            script = f"echo before {number}; read word; echo $word {number}"
            member = await containerd.container("/bin/sh", "-c", script, stdin=True, annotations=GROUP)
            members.append(member)
            member.open("stdout")
            await member.start()
        waiting = [asyncio.create_task(member.client.wait(member.process)) for member in members]
        keyboards = [os.open(member.bundle / "stdin", os.O_WRONLY) for member in members]
        try:
            for number, member in enumerate(members):
                assert await member.read(size=9) == b"before %d\n" % number
            await passed_on_together(members)
            for number, member in reversed([*enumerate(members)]):
                os.write(keyboards[number], b"after\n")
                assert await member.read() == b"after %d\n" % number
        finally:
            for keyboard in keyboards:
                os.close(keyboard)
        assert [ended.exit_status for ended in await asyncio.gather(*waiting)] == [0, 0, 0]
        assert containerd.topics().count("/tasks/exit") == 3
        for member in members:
            member.shut()
        for member in members[1:]:
            await member.client.delete(member.process)
            await member.client.close()
            containerd.clients.remove(member)
        await members[0].end()
        await all_gone(containerd)

    scenario(test)


@pytest.mark.parametrize("handed_over", [pytest.param(False, marks=MATRIX), True])
def test_a_groups_shim_that_is_killed_leaves_nothing_and_is_replaced(scenario, handed_over):
    async def test(containerd):
        first = await sleeper(containerd)
        if handed_over:
            await first.passed_on()
        second = await sleeper(containerd)
        os.kill(first.bootstrap.pid, signal.SIGKILL)
        for member in (first, second):
            await member.client.wait_closed()
        await all_gone(containerd)
        for member in (first, second):
            dead = await containerd.launcher.delete(member.request)
            assert (dead.pid, dead.exit_status) == (member.pid, 137)
            wait_until(lambda pid=member.pid: not os.path.exists(f"/proc/{pid}"), "the end of the container")
            containerd.clients.remove(member)
        assert not socket_of(first).exists()
        third = await sleeper(containerd)
        assert third.bootstrap.address == first.bootstrap.address
        assert third.bootstrap.pid != first.bootstrap.pid
        await third.end()

    scenario(test)


@pytest.mark.matrix
def test_cleaning_up_after_one_leaves_the_others_alone(scenario):
    """containerd calls `delete` for each container, whether its shim is dead or serves others."""

    async def test(containerd):
        first, second = await sleeper(containerd), await sleeper(containerd)
        await containerd.launcher.delete(first.request)
        assert (await first.client.wait(first.process)).exit_status == 137
        assert socket_of(second).exists()
        assert await echo(second) == b"inside\n"
        await leave(first)
        await second.end()
        await all_gone(containerd)

    scenario(test)


@pytest.mark.matrix
def test_a_shim_that_is_stopped_stays_its_groups(scenario):
    """There are never two."""

    async def test(containerd):
        first = await sleeper(containerd)
        await first.passed_on()
        second = Container(containerd, f"c{os.urandom(4).hex()}")
        with processes.stopped(first.bootstrap.pid):
            await second.launch(["/bin/sleep", "1000"], annotations=GROUP)
        assert second.bootstrap.address == first.bootstrap.address
        await second.make()
        await second.start()
        await leave(first)
        await second.end()
        await all_gone(containerd)

    scenario(test)


def test_a_shim_that_is_executed_joins_too(scenario):
    """As under another containerd: `start` prints where the group's shim is, and leaves no process behind."""

    async def test(containerd):
        containerd.launcher._others = ExecLauncher("/bin/false", str(LAUNCHERS / "containerd-shim-runc-v2"))
        launcher = containerd.launcher._others
        members = [Container(containerd, f"c{os.urandom(4).hex()}") for _ in range(2)]
        template, containerd.launcher = containerd.launcher, launcher
        try:
            for member in members:
                await member.create(["/bin/sleep", "1000"], annotations=GROUP)
                await member.start()
            assert members[0].bootstrap.address == members[1].bootstrap.address
            assert (members[1].bundle / "address").read_text() == members[0].bootstrap.address
            assert len(shims_of(containerd)) == 1
            again = await connect(members[1].bootstrap)
            assert (await again.state(members[1].process)).pid == members[1].pid
            await again.close()
            await leave(members[0])
            await members[1].end()
            await all_gone(containerd)
        finally:
            containerd.launcher = template

    scenario(test)
