"""A shim that is stopped (SIGSTOP) delays nobody: not the calls of other containers, not those about all of them."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any

from slipway.clients.containerd.calls import Connection, service_methods
from slipway.contracts.containerd_api.generated import tasks_pb2 as api
from tests.integration.containerd.daemon import OurContainerd
from tests.support import processes
from tests.support.waiting import SLOWNESS, wait_until

MANY = 20
MOST_DELAY = 0.1 * SLOWNESS
TASKS = service_methods(api.DESCRIPTOR, "Tasks")
STUCK = "c0"


@pytest.fixture(scope="module")
def many(shared: OurContainerd, root_folder: Path) -> Iterator[OurContainerd]:
    """One containerd with a container that will be stuck, and twenty others."""
    names = [f"c{number}" for number in range(MANY + 1)]
    for name in names:
        shared.ctr("run", "-d", "--null-io", "--rootfs", root_folder, name, "/bin/sleep", "1000")
    yield shared
    for name in names:
        shared.ctr("task", "rm", "-f", name, check=False)
        shared.ctr("container", "rm", name)


def shims_of(daemon: OurContainerd, name: str) -> list[int]:
    wanted = f"-namespace {daemon.namespace} -id {name} "
    return [p.pid for p in processes.mentioning(wanted) if "containerd-shim" in p.command]


def exec_request(name: str, exec_id: str) -> api.ExecProcessRequest:
    spec = Any(type_url="types.containerd.io/opencontainers/runtime-spec/1/Process")
    spec.value = b'{"args":["/bin/true"],"cwd":"/","env":["PATH=/bin"],"user":{"uid":0,"gid":0}}'
    return api.ExecProcessRequest(container_id=name, exec_id=exec_id, spec=spec)


def slower(after: dict[str, float], before: dict[str, float]) -> dict[str, tuple[float, float]]:
    """What takes too long, and what it took before. One single call may have bad luck: it must not take seconds."""
    most = dict.fromkeys(before, MOST_DELAY) | {"first": 1.0 * SLOWNESS}
    return {kind: (before[kind], after[kind]) for kind in before if after[kind] - before[kind] > most[kind]}


async def times(daemon: OurContainerd, rounds: int, mark: str) -> dict[str, float]:
    """The median seconds of each kind of call, and of the first list."""
    connection = Connection(daemon.address, daemon.namespace)

    async def call(name: str, request: object) -> object:
        return await connection.call(TASKS[name], request, timeout=20)

    async def execute(number: int) -> None:
        name, exec_id = f"c{number % MANY + 1}", f"{mark}{number}"
        process = {"container_id": name, "exec_id": exec_id}
        await call("exec", exec_request(name, exec_id))
        await call("start", api.StartRequest(**process))
        await call("wait", api.WaitRequest(**process))
        await call("delete_process", api.DeleteProcessRequest(**process))

    kinds: dict[str, Callable[[int], Awaitable[object]]] = {
        "list": lambda _: call("list", api.ListTasksRequest()),
        "metrics": lambda _: call("metrics", api.MetricsRequest()),
        "get": lambda number: call("get", api.GetRequest(container_id=f"c{number % MANY + 1}")),
        "pids": lambda number: call("list_pids", api.ListPidsRequest(container_id=f"c{number % MANY + 1}")),
        "kill": lambda number: call("kill", api.KillRequest(container_id=f"c{number % MANY + 1}", signal=18)),
        "exec": execute,
    }
    found: dict[str, float] = {}
    try:
        for kind, ask in kinds.items():
            taken = []
            for number in range(rounds):
                begun = time.perf_counter()
                await ask(number)
                taken.append(time.perf_counter() - begun)
            found[kind] = statistics.median(taken)
            if kind == "list":
                found["first"] = taken[0]
    finally:
        connection.close()
    return found


def test_every_other_call_takes_as_long_as_before(many: OurContainerd) -> None:
    def all_passed_on() -> bool:
        return all(len(shims_of(many, f"c{number}")) == 1 for number in range(MANY + 1))

    wait_until(all_passed_on, "every container to have one shim")
    [stuck] = shims_of(many, STUCK)
    before = asyncio.run(times(many, 9, "a"))
    with processes.stopped(stuck):
        during = asyncio.run(times(many, 9, "b"))
    assert not slower(during, before)


@pytest.mark.matrix
def test_one_that_is_stopped_is_told_as_unknown_and_then_as_it_is(many: OurContainerd) -> None:
    def states() -> dict[str, str]:
        lines = many.ctr("task", "ls").stdout.decode().splitlines()[1:]
        return {line.split()[0]: line.split()[2] for line in lines}

    with ExitStack() as stack:
        for pid in shims_of(many, STUCK):
            stack.enter_context(processes.stopped(pid))
        told = states()
    assert told.pop(STUCK) == "UNKNOWN"
    assert set(told.values()) == {"RUNNING"}
    assert len(told) == MANY
    wait_until(lambda: states()[STUCK] == "RUNNING", "it to answer again")


@pytest.mark.matrix
def test_a_daemon_that_starts_again_waits_for_none(many: OurContainerd) -> None:
    """Longer than for one; the calls of others are then as quick as before."""
    with ExitStack() as stack:
        for pid in shims_of(many, STUCK):
            stack.enter_context(processes.stopped(pid))
        many.kill()
        many.start()
        after = asyncio.run(times(many, 5, "c"))
    before = asyncio.run(times(many, 5, "d"))
    assert not slower(after, before)
