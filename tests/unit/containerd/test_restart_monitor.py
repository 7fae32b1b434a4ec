"""The monitor's one look: what it does for whom, on tasks that only remember what was done with them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from slipway.base.errors import Unavailable
from slipway.containerd.containers.model import Container, TypedValue
from slipway.containerd.metadata.model import Scope
from slipway.containerd.restarts.monitor import RestartMonitor
from slipway.containerd.tasks.model import TaskRequest, TaskStatus

STATUS = "containerd.io/restart.status"
COUNT = "containerd.io/restart.count"


@dataclass
class OneContainer:
    """A namespace with one container and its task."""

    container: Container
    status_now: TaskStatus | None = None
    fails: bool = False
    done: list[str] = field(default_factory=list)
    request: TaskRequest | None = None

    def labelled(self, key: str) -> Sequence[tuple[Scope, Container]]:
        assert key == STATUS
        return [(Scope("ns"), self.container)]

    def update(self, scope: Scope, container: Container, fields: Iterable[str] = ()) -> Container:
        assert [*fields] == [f"labels.{COUNT}"]
        self.container = replace(self.container, labels={**self.container.labels, **container.labels})
        return self.container

    async def status(self, scope: Scope, container_id: str) -> TaskStatus | None:
        if self.fails:
            raise Unavailable("no answer")
        return self.status_now

    async def begin(self, scope: Scope, container_id: str, request: TaskRequest) -> None:
        self.done.append("begin")
        self.request = request

    async def end(self, scope: Scope, container_id: str) -> None:
        self.done.append("end")


def looks(one: OneContainer, times: int = 1) -> list[str]:
    async def run() -> None:
        monitor = RestartMonitor(containers=one, tasks=one, snapshotters={})
        for _ in range(times):
            await monitor.look()

    asyncio.run(run())
    return one.done


def container(spec: bytes = b'{"process":{}}', **labels: str) -> Container:
    named = {f"containerd.io/restart.{key}": value for key, value in labels.items()}
    return Container(id="c", runtime_name="r", spec=TypedValue("s", spec), labels={STATUS: "running", **named})


def test_a_task_that_its_client_is_about_to_start_is_left_to_it_for_one_look() -> None:
    """The original kills it when it looks between the client's Create and its Start."""
    one = OneContainer(container(), TaskStatus(pid=7, name="created", exit_status=0))
    assert looks(one) == []
    assert looks(one, 2) == ["end", "begin"]


def test_a_start_is_counted_whatever_the_count_was() -> None:
    one = OneContainer(container(count="many"))
    assert looks(one) == ["end", "begin"]
    assert one.container.labels[COUNT] == "1"
    looks(one)
    assert one.container.labels[COUNT] == "2"


def test_a_log_goes_to_both_streams_and_with_a_terminal_to_the_one() -> None:
    uri = "file:///log"
    one = OneContainer(container(loguri=uri))
    looks(one)
    assert one.request is not None
    assert (one.request.stdout, one.request.stderr, one.request.terminal) == (uri, uri, False)
    one = OneContainer(container(b'{"process":{"terminal":true}}', loguri=uri))
    looks(one)
    assert one.request is not None
    assert (one.request.stdout, one.request.stderr, one.request.terminal) == (uri, "", True)


def test_what_cannot_be_is_not_counted_nor_touched() -> None:
    for broken in (
        OneContainer(container(loguri="http://x/y")),
        OneContainer(container(b"no json")),
        OneContainer(container(b"[]")),
        OneContainer(container(policy="sometimes")),
        OneContainer(container(), fails=True),
        OneContainer(replace(container(), snapshotter="none", snapshot_key="k")),
    ):
        assert looks(broken) == []
        assert COUNT not in broken.container.labels


def test_a_task_that_does_not_end_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.containerd.restarts.monitor.ACT_SECONDS", 0.05)
    one = OneContainer(container())

    async def never(scope: Scope, container_id: str) -> None:
        await asyncio.Event().wait()

    one.end = never  # type: ignore[method-assign]
    assert looks(one, 2) == []
