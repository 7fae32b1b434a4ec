"""What containerd tells while containers are still being recovered waits for that."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from slipway.base.errors import Unavailable
from slipway.clients.containerd.events import TaskExited
from slipway.dockerd.containers.recovery import watch
from slipway.dockerd.containers.recovery.watch import TaskWatch

EXIT = TaskExited(container_id="box", exec_id="box", pid=7, exit_status=3, exited_at=1)


class Containerd:
    """Tells of one exit each time somebody listens, and breaks off the first time."""

    def __init__(self) -> None:
        self.times = 0
        self.told = asyncio.Event()

    async def tasks(self, opened: Callable[[], None]) -> AsyncIterator[TaskExited]:
        opened()
        yield EXIT
        self.times += 1
        if self.times == 1:
            raise Unavailable("it broke off")
        self.told.set()
        await asyncio.Event().wait()


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is done about events."""
    monkeypatch.setattr(watch, "container_exited", lambda _environment, _container, ended: ended)
    monkeypatch.setattr(watch, "look_at_all", lambda _environment: None)
    monkeypatch.setattr(watch, "RETRY_SECONDS", 0)
    return []


def test_an_exit_during_the_recovery_is_followed_up_after_it(followed: list[str]) -> None:
    async def test() -> None:
        containerd = Containerd()
        box = SimpleNamespace(id="box", state=SimpleNamespace(is_running=True, pid=7))
        environment: Any = SimpleNamespace(
            containerd=SimpleNamespace(events=containerd),
            registry={"box": box},
            background=SimpleNamespace(run=lambda _work, name: followed.append(name)),
        )
        one = TaskWatch(environment)
        running = asyncio.create_task(one.run())
        await one.subscribed.wait()
        await containerd.told.wait()
        assert followed == []
        one.release()
        assert followed == ["exit of box", "look for missed exits", "exit of box"]
        running.cancel()

    asyncio.run(test())
