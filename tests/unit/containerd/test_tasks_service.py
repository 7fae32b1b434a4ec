"""Tasks that are not there: never made, of no container, deleted while somebody else asks for them."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from slipway.base.clock import Clock
from slipway.base.errors import EngineError, InvalidArgument, NotFound, Unavailable
from slipway.containerd.services.tasks import TasksService
from slipway.containerd.tasks.supervisor import TaskSupervisor
from slipway.contracts.containerd_api.generated import tasks_pb2 as api

CALL: Any = SimpleNamespace(headers={"containerd-namespace": "moby"})


class _BrokenClient:
    """A shim whose connection breaks while it is asked."""

    async def kill(self, request: object) -> None:
        raise Unavailable("the server closed the ttrpc connection")


@pytest.mark.parametrize(("is_leaving", "kind"), [(True, NotFound), (False, Unavailable)])
def test_a_lost_shim_is_not_found_only_if_its_task_was_deleted(is_leaving: bool, kind: type[EngineError]) -> None:
    shim = SimpleNamespace(id="box", is_leaving=is_leaving, client=_BrokenClient())
    tasks = cast(TaskSupervisor, SimpleNamespace(get=lambda scope, container_id: shim))
    service = TasksService(tasks, Mock(), Mock(), Clock())
    with pytest.raises(kind):
        asyncio.run(service.kill(CALL, api.KillRequest(container_id="box", signal=9)))


class _NoTasks:
    def get(self, scope: object, container_id: str) -> object:
        raise NotFound(f"task {container_id}: not found")


class _OneContainer:
    def get(self, scope: object, container_id: str) -> object:
        if container_id != "box":
            raise NotFound(f"container {container_id}")
        return Mock()


@pytest.mark.parametrize(("container_id", "said"), [("box", "task box not found"), ("none", "container none")])
@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("start", api.StartRequest),
        ("delete", api.DeleteTaskRequest),
        ("delete_process", api.DeleteProcessRequest),
        ("get", api.GetRequest),
        ("kill", api.KillRequest),
        ("resize_pty", api.ResizePtyRequest),
        ("close_io", api.CloseIORequest),
        ("pause", api.PauseTaskRequest),
        ("resume", api.ResumeTaskRequest),
        ("list_pids", api.ListPidsRequest),
        ("checkpoint", api.CheckpointTaskRequest),
        ("update", api.UpdateTaskRequest),
        ("wait", api.WaitRequest),
        ("exec", lambda **fields: api.ExecProcessRequest(exec_id="e", **fields)),
        ("exec", lambda **fields: api.ExecProcessRequest(exec_id="a/b", **fields)),
    ],
)
def test_what_is_missing_is_named(method: str, request_type: Any, container_id: str, said: str) -> None:
    service = TasksService(cast(TaskSupervisor, _NoTasks()), cast(Any, _OneContainer()), Mock(), Clock())
    with pytest.raises(NotFound) as refused:
        asyncio.run(getattr(service, method)(CALL, request_type(container_id=container_id)))
    assert refused.value.message == said


@pytest.mark.parametrize(
    ("exec_id", "said"),
    [
        ("", "exec id cannot be empty"),
        (
            "a/b",
            'invalid exec id a/b: identifier "a/b" must match ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$'
            ": invalid argument",
        ),
    ],
)
def test_an_exec_s_name_is_refused_before_its_shim_is_asked(exec_id: str, said: str) -> None:
    shim = SimpleNamespace(id="box", is_leaving=False, client=None)
    tasks = cast(TaskSupervisor, SimpleNamespace(get=lambda scope, container_id: shim))
    service = TasksService(tasks, Mock(), Mock(), Clock())
    with pytest.raises(InvalidArgument) as refused:
        asyncio.run(service.exec(CALL, api.ExecProcessRequest(container_id="box", exec_id=exec_id)))
    assert refused.value.message == said
