"""The task service of a real shim over our own runc, method by method."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from slipway.base.errors import AlreadyExists, EngineError, FailedPrecondition, NotFound
from slipway.contracts.shim_api import messages
from slipway.contracts.shim_api.metrics import MetricsV1, MetricsV2
from slipway.contracts.shim_api.options import Options
from slipway.wire.protobuf import decode
from slipway.wire.protobuf_known import AnyMessage
from tests.support.waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.root


def process_spec(*args):
    fields = {"args": list(args), "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}
    return AnyMessage(
        type_url="types.containerd.io/opencontainers/runtime-spec/1/Process", value=json.dumps(fields).encode()
    )


def test_a_short_life(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "echo out; echo err >&2; exit 7")
        container.open("stdout")
        container.open("stderr")
        state = await container.client.state(container.process)
        assert (state.status, state.pid) == (messages.CREATED, container.pid)
        await container.start()
        ended = await container.client.wait(container.process)
        assert ended.exit_status == 7
        assert (await container.read("stdout"), await container.read("stderr")) == (b"out\n", b"err\n")
        assert (await container.client.state(container.process)).status == messages.STOPPED
        deleted = await container.end()
        assert (deleted.pid, deleted.exit_status, deleted.exited_at) == (container.pid, 7, ended.exited_at)
        assert containerd.topics() == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]

    scenario(test)


def test_nothing_is_left_at_the_end(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/true")
        await container.start()
        await container.end()
        assert os.listdir(f"{containerd.folder}/s") == []
        wait_until(lambda: not os.path.exists(f"/proc/{container.bootstrap.pid}"), "the end of the shim")
        with open("/proc/self/mountinfo") as mounts:
            assert str(container.bundle) not in mounts.read()
        assert os.listdir(f"{containerd.folder}/runc/test") == []

    scenario(test)


def test_exec(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        os.mkfifo(container.bundle / "e-out")
        container.open("e-out")
        await container.client.exec(
            messages.ExecProcessRequest(
                id=container.id,
                exec_id="e1",
                stdout=str(container.bundle / "e-out"),
                spec=process_spec("/bin/sh", "-c", "echo inside; exit 9"),
            )
        )
        request = messages.ProcessRequest(id=container.id, exec_id="e1")
        assert (await container.client.state(request)).status == messages.CREATED
        started = await container.client.start(request)
        assert started.pid > 0
        assert (await container.client.wait(request)).exit_status == 9
        assert await container.read("e-out") == b"inside\n"
        assert (await container.client.delete(request)).exit_status == 9
        with pytest.raises(NotFound, match="process does not exist e1"):
            await container.client.state(request)
        assert containerd.topics()[2:] == ["/tasks/exec-added", "/tasks/exec-started", "/tasks/exit"]
        await container.end()

    scenario(test)


def test_the_exits_of_execs_are_told_before_that_of_init(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        for number in range(3):
            exec_id = f"e{number}"
            spec = process_spec("/bin/sleep", "1000")
            await container.client.exec(messages.ExecProcessRequest(id=container.id, exec_id=exec_id, spec=spec))
            await container.client.start(messages.ProcessRequest(id=container.id, exec_id=exec_id))
        pids = [info.pid for info in (await container.client.pids(container.task)).processes]
        assert len(pids) == 4
        await container.client.kill(messages.KillRequest(id=container.id, signal=9))
        await container.client.wait(container.process)
        async with asyncio.timeout(10 * SLOWNESS):
            while containerd.topics().count("/tasks/exit") < 4:
                await asyncio.sleep(0.005)
        told = [value for topic, value in containerd.events if topic == "/tasks/exit"]
        assert decode_exit(told[-1]) == container.id
        assert sorted(map(decode_exit, told[:-1])) == ["e0", "e1", "e2"]
        await container.end()

    scenario(test)


def decode_exit(value):
    from slipway.contracts.shim_api.events import TaskExit

    return decode(TaskExit, value).id


def test_signals_reach_execs_and_init(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done")
        await container.start()
        spec = process_spec("/bin/sleep", "1000")
        await container.client.exec(messages.ExecProcessRequest(id=container.id, exec_id="e", spec=spec))
        request = messages.ProcessRequest(id=container.id, exec_id="e")
        with pytest.raises(FailedPrecondition):
            await container.client.kill(messages.KillRequest(id=container.id, exec_id="e", signal=9))
        await container.client.start(request)
        await container.client.kill(messages.KillRequest(id=container.id, exec_id="e", signal=9))
        assert (await container.client.wait(request)).exit_status == 137
        with pytest.raises(NotFound, match="already finished"):
            await container.client.kill(messages.KillRequest(id=container.id, exec_id="e", signal=9))
        await container.client.kill(messages.KillRequest(id=container.id, signal=15))
        assert (await container.client.wait(container.process)).exit_status == 5
        with pytest.raises(NotFound):
            await container.client.kill(messages.KillRequest(id=container.id, signal=15))
        await container.end()

    scenario(test)


def test_pause_and_resume(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        with pytest.raises(FailedPrecondition, match="cannot pause task in created state"):
            await container.client.pause(container.task)
        await container.start()
        await container.client.pause(container.task)
        assert (await container.client.state(container.process)).status == messages.PAUSED
        with pytest.raises(FailedPrecondition, match="paused"):
            await container.client.exec(messages.ExecProcessRequest(id=container.id, exec_id="e"))
        await container.client.resume(container.task)
        assert (await container.client.state(container.process)).status == messages.RUNNING
        assert containerd.topics()[-2:] == ["/tasks/paused", "/tasks/resumed"]
        await container.end()

    scenario(test)


def test_half_close(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/cat", stdin=True)
        container.open()
        await container.start()
        writer = os.open(container.bundle / "stdin", os.O_WRONLY | os.O_NONBLOCK)
        os.write(writer, b"echoed")
        os.close(writer)
        assert await container.read(size=6) == b"echoed"
        assert (await container.client.state(container.process)).status == messages.RUNNING  # a client may come back
        await container.client.close_io(messages.CloseIORequest(id=container.id, stdin=True))
        assert (await container.client.wait(container.process)).exit_status == 0
        await container.end()

    scenario(test)


def test_a_terminal_and_its_size(scenario):
    async def test(containerd):
        # no size at all, as at first, is an error to busybox
        script = "tty; while [ \"$(stty size 2>/dev/null)\" != '33 77' ]; do :; done; stty size; exit 3"
        container = await containerd.container("/bin/sh", "-c", script, terminal=True, stdin=True)
        container.open()
        await container.start()
        await container.client.resize_pty(messages.ResizePtyRequest(id=container.id, width=77, height=33))
        assert (await container.client.wait(container.process)).exit_status == 3
        assert (await container.read()).split() == [b"/dev/pts/0", b"33", b"77"]
        await container.end()

    scenario(test)


@pytest.mark.in_guest
def test_stats_count_what_the_container_uses(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        stats = await container.client.stats(container.task)
        kind = MetricsV1 if stats.type_url.endswith("v1.Metrics") else MetricsV2
        metrics = decode(kind, stats.value)
        assert metrics.pids.current == 1
        if kind is MetricsV1:
            assert metrics.memory.usage.usage > 0
            assert metrics.cpu.usage.total > 0
        else:
            assert metrics.memory.usage > 0
            assert metrics.memory.usage_limit > metrics.memory.usage
            assert metrics.cpu.usage_usec > 0
            assert metrics.memory_events.oom_kill == 0
        await container.end()

    scenario(test)


def test_what_is_refused(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        with pytest.raises(NotFound, match="container not created"):
            await container.client.state(messages.ProcessRequest(id="another"))
        with pytest.raises(AlreadyExists):
            await container.client.create(messages.CreateTaskRequest(id=container.id, bundle=str(container.bundle)))
        with pytest.raises(FailedPrecondition, match="cannot checkpoint a task in created state"):
            await container.client.checkpoint(messages.CheckpointTaskRequest(id=container.id))
        await container.start()
        with pytest.raises(FailedPrecondition, match="cannot start a running process"):
            await container.start()
        with pytest.raises(FailedPrecondition, match="cannot delete a running process"):
            await container.client.delete(container.process)
        await container.client.shutdown(messages.ShutdownRequest(id=container.id))  # not while a container is there
        assert (await container.client.state(container.process)).status == messages.RUNNING
        await container.end()

    scenario(test)


def test_a_program_that_is_not_there_leaves_nothing(scenario):
    async def test(containerd):
        with pytest.raises(EngineError, match=r"OCI runtime create failed.*/nowhere"):
            await containerd.container("/nowhere")
        [container] = containerd.clients
        with open("/proc/self/mountinfo") as mounts:
            assert str(container.bundle) not in mounts.read()
        assert (await container.client.connect(container.task)).task_pid == 0

    scenario(test)


def test_another_runtime_is_executed_by_path(scenario):
    async def test(containerd):
        with pytest.raises(EngineError, match="runtime /nowhere/runc is not installed"):
            await containerd.container("/bin/true", options=Options(binary_name="/nowhere/runc"))

    scenario(test)


def test_a_created_container_can_be_deleted(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        deleted = await container.client.delete(container.process)
        assert deleted.exit_status == 137
        await container.client.shutdown(messages.ShutdownRequest(id=container.id))
        await container.client.wait_closed()
        containerd.clients.remove(container)

    scenario(test)


@pytest.mark.in_guest
def test_a_kill_for_memory_is_told_before_the_end(scenario):
    """Who has heard of the end may ask nothing more about the container."""

    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "x=a; while :; do x=$x$x; done")
        limit_memory(container.pid, 20 << 20)
        await container.start()
        assert (await container.client.wait(container.process)).exit_status == 137
        await container.end()
        topics = containerd.topics()
        assert topics.index("/tasks/oom") < topics.index("/tasks/exit")

    scenario(test)


def limit_memory(pid, size):
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            Path(f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes").write_text(str(size))
            return
        if not controllers and Path("/sys/fs/cgroup/cgroup.controllers").exists():
            Path(f"/sys/fs/cgroup{path}/memory.max").write_text(str(size))
            return
