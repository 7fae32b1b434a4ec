"""What is told of a container while its start is under way is not forgotten by the start."""

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from slipway.dockerd.containers import start
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.model import ContainerState


def answering(value: Any) -> Any:
    async def answer(*_arguments: Any) -> Any:
        return value

    return answer


@pytest.fixture
def only_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that comes before the task is made is taken for done."""
    for name in ("announce_mounts", "_mounts_and_user", "connect"):
        monkeypatch.setattr(start, name, lambda *_arguments: None)
    monkeypatch.setattr(start, "_open_streams", answering(None))
    monkeypatch.setattr(start, "_create_in_containerd", answering(None))
    monkeypatch.setattr(start, "_create_task", answering(7))
    monkeypatch.setattr(start, "concurrently", answering((((), None), SimpleNamespace(document={}))))


@pytest.mark.parametrize("killed", [True, False])
def test_a_memory_kill_before_the_start_is_answered_stays_known(only_the_task: None, killed: bool) -> None:
    record: Any = SimpleNamespace(id="box")
    streams: Any = SimpleNamespace(started=lambda: None)

    async def test() -> None:
        container = Container(record, ContainerState(status=Status.EXITED, out_of_memory=True), streams)

        async def start_task(_container_id: str) -> None:
            if killed:
                container.note(out_of_memory=True)  # as TaskWatch does

        environment: Any = SimpleNamespace(
            networks=SimpleNamespace(release_sandbox=lambda _id: None),
            containerd=SimpleNamespace(tasks=SimpleNamespace(start=start_task)),
            clock=SimpleNamespace(now=lambda: 1),
        )
        async with AsyncExitStack() as undo:
            await start._start(environment, container, undo)
            undo.pop_all()
        assert container.state.status == Status.RUNNING
        assert container.state.out_of_memory is killed  # the one of its last life is over

    asyncio.run(test())
