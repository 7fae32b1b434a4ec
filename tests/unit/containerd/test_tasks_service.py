"""A task that is deleted while somebody else asks for it."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from slipway.base.clock import Clock
from slipway.base.errors import EngineError, NotFound, Unavailable
from slipway.containerd.services.tasks import TasksService
from slipway.containerd.tasks.supervisor import TaskSupervisor
from slipway.contracts.containerd_api.generated import tasks_pb2 as api


class _BrokenClient:
    """A shim whose connection breaks while it is asked."""

    async def kill(self, request: object) -> None:
        raise Unavailable("the server closed the ttrpc connection")


@pytest.mark.parametrize(("is_leaving", "kind"), [(True, NotFound), (False, Unavailable)])
def test_a_lost_shim_is_not_found_only_if_its_task_was_deleted(is_leaving: bool, kind: type[EngineError]) -> None:
    shim = SimpleNamespace(id="box", is_leaving=is_leaving, client=_BrokenClient())
    tasks = cast(TaskSupervisor, SimpleNamespace(get=lambda scope, container_id: shim))
    call: Any = SimpleNamespace(headers={"containerd-namespace": "moby"})
    service = TasksService(tasks, Mock(), Mock(), Clock())
    with pytest.raises(kind):
        asyncio.run(service.kill(call, api.KillRequest(container_id="box", signal=9)))
