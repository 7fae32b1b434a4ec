"""containerd.services.tasks.v1: each call goes to the shim of its task."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from google.protobuf.any_pb2 import Any as AnyProto
from google.protobuf.empty_pb2 import Empty

from slipway.base.clock import Clock
from slipway.base.errors import EngineError, InvalidArgument, NotFound, Unavailable
from slipway.clients.shim.interface import TaskClient
from slipway.containerd.containers.interface import ContainerReader
from slipway.containerd.containers.model import TypedValue
from slipway.containerd.services.messages import (
    descriptor_from_message,
    descriptor_message,
    mounts_from_messages,
    timestamp,
)
from slipway.containerd.services.scope import scope_of
from slipway.containerd.tasks.checkpoints import Checkpoints
from slipway.containerd.tasks.model import TaskRequest, TaskTimeouts
from slipway.containerd.tasks.shim import RunningShim
from slipway.containerd.tasks.supervisor import TaskSupervisor
from slipway.contracts.containerd_api.filters import filters_from_texts
from slipway.contracts.containerd_api.generated import task_pb2, types_pb2
from slipway.contracts.containerd_api.generated import tasks_pb2 as api
from slipway.contracts.containerd_api.words import check_identifier
from slipway.contracts.shim_api import messages as task
from slipway.contracts.shim_api.options import CHECKPOINT_OPTIONS_TYPE, OPTIONS_TYPE, CheckpointOptions, Options
from slipway.transport.aio.grpc_server import Call
from slipway.wire.protobuf import DecodeError, Message, decode
from slipway.wire.protobuf_known import AnyMessage, TextEntry, nanoseconds_from_timestamp

M = TypeVar("M", bound=Message)


class TasksService:
    def __init__(
        self,
        tasks: TaskSupervisor,
        containers: ContainerReader,
        checkpoints: Checkpoints,
        clock: Clock,
        timeouts: TaskTimeouts | None = None,
    ) -> None:
        self._tasks = tasks
        self._containers = containers
        self._checkpoints = checkpoints
        self._clock = clock
        self._timeouts = timeouts or TaskTimeouts()

    async def create(self, call: Call, request: Any) -> Any:
        scope = scope_of(call)
        options = _option(request.options, OPTIONS_TYPE, Options)
        place = options.criu_image_path
        unpack = None
        if request.HasField("checkpoint") and not place:
            unpack = partial(self._checkpoints.unpack, scope, descriptor_from_message(request.checkpoint))
        wanted = TaskRequest(
            rootfs=mounts_from_messages(request.rootfs),
            stdin=request.stdin,
            stdout=request.stdout,
            stderr=request.stderr,
            terminal=request.terminal,
            options=TypedValue(request.options.type_url, request.options.value),
            runtime_path=request.runtime_path,
            checkpoint=place,
            unpack_checkpoint=unpack,
            sandbox_address=(options.task_api_address, options.task_api_version),
        )
        pid = await self._tasks.create(scope, request.container_id, wanted)
        return api.CreateTaskResponse(container_id=request.container_id, pid=pid)

    async def start(self, call: Call, request: Any) -> Any:
        shim = await self._shim(call, request)
        started = await shim.client.start(_process(request))
        return api.StartResponse(pid=started.pid)

    async def delete(self, call: Call, request: Any) -> Any:
        await self._shim(call, request)
        end = await self._tasks.delete(scope_of(call), request.container_id)
        return api.DeleteResponse(
            id=request.container_id, pid=end.pid, exit_status=end.exit_status, exited_at=timestamp(end.exited_at)
        )

    async def delete_process(self, call: Call, request: Any) -> Any:
        async with self._asked(call, request) as shim:
            response = await shim.delete(_process(request))
        return api.DeleteResponse(
            id=request.exec_id,
            pid=response.pid,
            exit_status=response.exit_status,
            exited_at=timestamp(nanoseconds_from_timestamp(response.exited_at)),
        )

    async def get(self, call: Call, request: Any) -> Any:
        shim = await self._shim(call, request)
        state = await shim.client.state(_process(request))
        return api.GetResponse(process=_process_message(state))

    async def list(self, call: Call, request: Any) -> Any:
        shims = self._tasks.list(scope_of(call))
        states = await asyncio.gather(*(_state_or_none(shim, self._timeouts.state) for shim in shims))
        return api.ListTasksResponse(tasks=[_process_message(state) for state in states if state is not None])

    async def kill(self, call: Call, request: Any) -> Any:
        signal = task.KillRequest(
            id=request.container_id, exec_id=request.exec_id, signal=request.signal, all=request.all
        )
        async with self._asked(call, request) as shim:
            await shim.kill(signal)
        return Empty()

    async def exec(self, call: Call, request: Any) -> Any:
        if not request.exec_id:
            raise InvalidArgument("exec id cannot be empty")
        await self._shim(call, request)
        check_identifier(request.exec_id, f"invalid exec id {request.exec_id}: ")
        wanted = task.ExecProcessRequest(
            id=request.container_id,
            exec_id=request.exec_id,
            terminal=request.terminal,
            stdin=request.stdin,
            stdout=request.stdout,
            stderr=request.stderr,
            spec=AnyMessage(type_url=request.spec.type_url, value=request.spec.value),
        )
        async with self._asked(call, request) as shim:
            await shim.exec(wanted)
        return Empty()

    async def resize_pty(self, call: Call, request: Any) -> Any:
        size = task.ResizePtyRequest(
            id=request.container_id, exec_id=request.exec_id, width=request.width, height=request.height
        )
        async with self._asked(call, request) as shim:
            await shim.resize_pty(size)
        return Empty()

    async def close_io(self, call: Call, request: Any) -> Any:
        closing = task.CloseIORequest(id=request.container_id, exec_id=request.exec_id, stdin=request.stdin)
        async with self._asked(call, request) as shim:
            await shim.close_io(closing)
        return Empty()

    async def pause(self, call: Call, request: Any) -> Any:
        async with self._asked(call, request) as shim:
            await shim.pause(task.TaskRequest(id=request.container_id))
        return Empty()

    async def resume(self, call: Call, request: Any) -> Any:
        async with self._asked(call, request) as shim:
            await shim.resume(task.TaskRequest(id=request.container_id))
        return Empty()

    async def list_pids(self, call: Call, request: Any) -> Any:
        async with self._asked(call, request) as shim:
            response = await shim.pids(task.TaskRequest(id=request.container_id))
        processes = [
            task_pb2.ProcessInfo(pid=process.pid, info=_any_proto(process.info)) for process in response.processes
        ]
        return api.ListPidsResponse(processes=processes)

    async def checkpoint(self, call: Call, request: Any) -> Any:
        """Into the folder that the options name, or else into the content store."""
        shim = await self._shim(call, request)
        place = _option(request.options, CHECKPOINT_OPTIONS_TYPE, CheckpointOptions).image_path
        if place:
            await self._save(call, request, place)
            return api.CheckpointTaskResponse()
        scope = scope_of(call)
        container = await asyncio.to_thread(self._containers.get, scope, request.container_id)
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="checkpoint-", dir=shim.bundle.work)
        try:
            await self._save(call, request, folder)
            stored = await asyncio.to_thread(self._checkpoints.store, scope, folder, container.spec)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return api.CheckpointTaskResponse(descriptors=map(descriptor_message, stored))

    async def _save(self, call: Call, request: Any, folder: str) -> None:
        options = AnyMessage(type_url=request.options.type_url, value=request.options.value)
        async with self._asked(call, request) as shim:
            await shim.checkpoint(task.CheckpointTaskRequest(id=request.container_id, path=folder, options=options))

    async def update(self, call: Call, request: Any) -> Any:
        change = task.UpdateTaskRequest(
            id=request.container_id,
            resources=AnyMessage(type_url=request.resources.type_url, value=request.resources.value),
            annotations=tuple(TextEntry(key=key, value=value) for key, value in request.annotations.items()),
        )
        async with self._asked(call, request) as shim:
            await shim.update(change)
        return Empty()

    async def metrics(self, call: Call, request: Any) -> Any:
        wanted = filters_from_texts(request.filters)
        shims = [shim for shim in self._tasks.list(scope_of(call)) if wanted.matches(_fields_of(shim))]
        measured = await asyncio.gather(*(self._metric_or_none(shim) for shim in shims))
        return api.MetricsResponse(metrics=[metric for metric in measured if metric is not None])

    async def wait(self, call: Call, request: Any) -> Any:
        shim = await self._shim(call, request)
        try:
            ended = await shim.client.wait(_process(request))
        except Unavailable:
            if shim.is_leaving:
                raise
            end = await shim.end
            return api.WaitResponse(exit_status=end.exit_status, exited_at=timestamp(end.exited_at))
        exited_at = timestamp(nanoseconds_from_timestamp(ended.exited_at))
        return api.WaitResponse(exit_status=ended.exit_status, exited_at=exited_at)

    async def _shim(self, call: Call, request: Any) -> RunningShim:
        """Of a task. Raises NotFound, and tells whether it is the container that there is not."""
        scope = scope_of(call)
        try:
            return self._tasks.get(scope, request.container_id)
        except NotFound as error:
            await asyncio.to_thread(self._containers.get, scope, request.container_id)
            raise NotFound(f"task {request.container_id} not found") from error

    @asynccontextmanager
    async def _asked(self, call: Call, request: Any) -> AsyncIterator[TaskClient]:
        """The shim of a task. One that went because the task was deleted meanwhile is as good as never found."""
        shim = await self._shim(call, request)
        try:
            yield shim.client
        except Unavailable as error:
            if shim.is_leaving:
                raise NotFound(f"task {shim.id} not found") from error
            raise

    async def _metric_or_none(self, shim: RunningShim) -> types_pb2.Metric | None:
        """What a shim measures; None for one that cannot (the container has just ended), or does not answer."""
        try:
            stats = await shim.prompt(shim.client.stats(task.TaskRequest(id=shim.id)), self._timeouts.stats)
        except (EngineError, TimeoutError):
            return None
        return types_pb2.Metric(timestamp=timestamp(self._clock.now()), id=shim.id, data=_any_proto(stats))


async def _state_or_none(shim: RunningShim, seconds: float | None) -> task.StateResponse | None:
    """The state of a task; None for one that went away since it was listed. A shim that is stopped delays nobody."""
    try:
        return await shim.prompt(shim.client.state(task.ProcessRequest(id=shim.id)), seconds)
    except TimeoutError:
        return task.StateResponse(id=shim.id)
    except (NotFound, Unavailable):
        return None


def _option(packed: AnyProto, name: str, message: type[M]) -> M:
    """The runc options in an Any; those of another runtime are its shim's alone. Raises InvalidArgument."""
    if packed.type_url.rpartition("/")[2] != name:
        return message()
    try:
        return decode(message, packed.value)
    except DecodeError as error:
        raise InvalidArgument(f"decode {name}: {error}") from None


def _process(request: Any) -> task.ProcessRequest:
    return task.ProcessRequest(id=request.container_id, exec_id=request.exec_id)


def _process_message(state: task.StateResponse) -> task_pb2.Process:
    return task_pb2.Process(
        container_id=state.id,
        id=state.exec_id or state.id,
        pid=state.pid,
        status=state.status,  # type: ignore[arg-type] # the shim's numbers are the same, see contracts/shim_api
        stdin=state.stdin,
        stdout=state.stdout,
        stderr=state.stderr,
        terminal=state.terminal,
        exit_status=state.exit_status,
        exited_at=timestamp(nanoseconds_from_timestamp(state.exited_at)),
    )


def _any_proto(value: AnyMessage | None) -> AnyProto | None:
    return None if value is None else AnyProto(type_url=value.type_url, value=value.value)


def _fields_of(shim: RunningShim) -> Any:
    def field(path: tuple[str, ...]) -> str | None:
        return shim.id if path == ("id",) else None

    return field
