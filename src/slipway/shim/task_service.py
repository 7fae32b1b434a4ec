"""The task service: every method of containerd.task.v2 and v3, from encoded request to encoded response."""

from __future__ import annotations

from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotImplementedByEngine
from slipway.base.identifiers import check_identifier
from slipway.base.version import VERSION
from slipway.contracts.shim_api import events, messages
from slipway.contracts.shim_api.grouping import JOIN, SERVICE
from slipway.contracts.shim_api.options import DETAILS_TYPE, ProcessDetails
from slipway.shim import checkpoint, create, delete, start
from slipway.shim.grouping import EXPECTED_SECONDS
from slipway.shim.lifecycle import can_exec
from slipway.shim.metrics import container_metrics
from slipway.shim.model import Process, StdioNames
from slipway.shim.shim import Shim
from slipway.wire.protobuf import DecodeError, Message, decode, encode
from slipway.wire.protobuf_known import AnyMessage, Empty, Timestamp, timestamp_from_nanoseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from slipway.wire.ttrpc import Call


class TaskService:
    """Answers ttrpc calls. `shut_down` is called once, when no container is left and containerd says so."""

    def __init__(self, shim: Shim, shut_down: Callable[[], None]) -> None:
        self._shim = shim
        self._shut_down = shut_down
        self.pid = 0
        """The shim's process id, as it tells it."""

    async def answer(self, call: Call) -> bytes:
        """The encoded response. Raises EngineError: NotImplementedByEngine for unknown services and methods."""
        request_type, method = _found(call)
        try:
            request = decode(request_type, call.payload)
        except DecodeError as error:
            raise InvalidArgument(f"decode {call.method} request: {error}") from None
        return encode(await method(self, request))

    async def _state(self, request: messages.ProcessRequest) -> Message:
        container = self._shim.container(request.id)
        process = container.process(request.exec_id)
        status = process.status
        if request.exec_id and not process.is_stopped and container.init.status == messages.PAUSED:
            status = messages.PAUSED  # what is in a frozen cgroup is paused, execs too
        return messages.StateResponse(
            id=request.exec_id or container.id,
            bundle=container.bundle,
            pid=process.pid,
            status=status,
            stdin=process.stdio.stdin,
            stdout=process.stdio.stdout,
            stderr=process.stdio.stderr,
            terminal=process.stdio.terminal,
            exit_status=process.exit_status,
            exited_at=_exit_time(process),
            exec_id=request.exec_id,
        )

    async def _create(self, request: messages.CreateTaskRequest) -> Message:
        container = await create.create(self._shim, request)
        return messages.CreateTaskResponse(pid=container.init.pid)

    async def _start(self, request: messages.ProcessRequest) -> Message:
        container = self._shim.container(request.id)
        process = await start.start(self._shim, container, request.exec_id)
        return messages.StartResponse(pid=process.pid)

    async def _delete(self, request: messages.ProcessRequest) -> Message:
        container = self._shim.container(request.id)
        process = await delete.delete(self._shim, container, request.exec_id)
        return messages.DeleteResponse(pid=process.pid, exit_status=process.exit_status, exited_at=_exit_time(process))

    async def _pids(self, request: messages.TaskRequest) -> Message:
        container = self._shim.container(request.id)
        execs = {process.pid: process.exec_id for process in container.execs.values() if process.is_running}
        listed = []
        for pid in await container.runtime.processes(container.id):
            info = messages.ProcessInfo(pid=pid)
            if pid in execs:
                info.info = AnyMessage(type_url=DETAILS_TYPE, value=encode(ProcessDetails(exec_id=execs[pid])))
            listed.append(info)
        return messages.PidsResponse(processes=listed)

    async def _pause(self, request: messages.TaskRequest) -> Message:
        container = self._shim.container(request.id)
        container.init.check("pause")
        await container.runtime.pause(container.id)
        container.init.becomes("pause")
        self._shim.publisher.publish(events.TaskPaused(container_id=container.id))
        return Empty()

    async def _resume(self, request: messages.TaskRequest) -> Message:
        container = self._shim.container(request.id)
        container.init.check("resume")
        await container.runtime.resume(container.id)
        if not container.init.is_stopped:
            container.init.becomes("resume")
        self._shim.publisher.publish(events.TaskResumed(container_id=container.id))
        return Empty()

    async def _checkpoint(self, request: messages.CheckpointTaskRequest) -> Message:
        await checkpoint.checkpoint(self._shim.container(request.id), request)
        return Empty()

    async def _kill(self, request: messages.KillRequest) -> Message:
        container = self._shim.container(request.id)
        process = container.process(request.exec_id)
        if request.exec_id:
            start.signal_exec(process, request.signal)
        else:
            await container.runtime.kill(container.id, request.signal, all=request.all)
        return Empty()

    async def _exec(self, request: messages.ExecProcessRequest) -> Message:
        container = self._shim.container(request.id)
        check_identifier(request.exec_id, "exec id")
        if request.exec_id in container.execs:
            raise AlreadyExists(f"id {request.exec_id}: already exists")
        if not can_exec(container.init.status):
            status = messages.STATUS_NAMES[container.init.status]
            raise FailedPrecondition(f"cannot exec in a {status} state")
        names = StdioNames(request.stdin, request.stdout, request.stderr, terminal=request.terminal)
        spec = request.spec.value if request.spec else b""
        container.execs[request.exec_id] = Process(request.exec_id, names, self._shim.loop.future(), spec=spec)
        self._shim.publisher.publish(events.TaskExecAdded(container_id=container.id, exec_id=request.exec_id))
        return Empty()

    async def _resize_pty(self, request: messages.ResizePtyRequest) -> Message:
        streams = self._shim.container(request.id).process(request.exec_id).streams
        if streams is not None:
            streams.resize(min(request.width, 0xFFFF), min(request.height, 0xFFFF))
        return Empty()

    async def _close_io(self, request: messages.CloseIORequest) -> Message:
        streams = self._shim.container(request.id).process(request.exec_id).streams
        if streams is not None and request.stdin:
            streams.close_stdin()
        return Empty()

    async def _update(self, request: messages.UpdateTaskRequest) -> Message:
        container = self._shim.container(request.id)
        if request.resources is None:
            raise InvalidArgument("update: no resources given")
        await container.runtime.update(container.id, request.resources.value)
        return Empty()

    async def _wait(self, request: messages.ProcessRequest) -> Message:
        process = self._shim.container(request.id).process(request.exec_id)
        await process.exited
        return messages.WaitResponse(exit_status=process.exit_status, exited_at=_exit_time(process))

    async def _stats(self, request: messages.TaskRequest) -> Message:
        container = self._shim.container(request.id)
        return messages.StatsResponse(stats=container_metrics(container.cgroups))

    async def _connect(self, request: messages.TaskRequest) -> Message:
        container = self._shim.containers.get(request.id)
        pid = container.init.pid if container is not None else 0
        return messages.ConnectResponse(shim_pid=self.pid, task_pid=pid, version=VERSION)

    async def _join(self, request: messages.TaskRequest) -> Message:
        self._shim.expected.add(request.id)
        return messages.ConnectResponse(shim_pid=self.pid, version=VERSION)

    async def _shutdown(self, request: messages.ShutdownRequest) -> Message:
        """Not while a container is there, or one is to come that was announced (shim/grouping.py)."""
        self._shim.expected.discard(request.id)
        if not self._shim.containers:
            self._end_unless_used()
        return Empty()

    def _end_unless_used(self) -> None:
        if not self._shim.is_in_use:
            self._shut_down()
        elif not self._shim.containers:
            self._shim.loop.call_later(EXPECTED_SECONDS, self._end_unless_used)


# Not a table of each instance: bound methods are objects, and each shim would have its own.
_METHODS: dict[str, Callable[[TaskService, Any], Awaitable[Message]]] = {
    "State": TaskService._state,
    "Create": TaskService._create,
    "Start": TaskService._start,
    "Delete": TaskService._delete,
    "Pids": TaskService._pids,
    "Pause": TaskService._pause,
    "Resume": TaskService._resume,
    "Checkpoint": TaskService._checkpoint,
    "Kill": TaskService._kill,
    "Exec": TaskService._exec,
    "ResizePty": TaskService._resize_pty,
    "CloseIO": TaskService._close_io,
    "Update": TaskService._update,
    "Wait": TaskService._wait,
    "Stats": TaskService._stats,
    "Connect": TaskService._connect,
    "Shutdown": TaskService._shutdown,
}


def _found(call: Call) -> tuple[type[Message], Callable[[TaskService, Any], Awaitable[Message]]]:
    """What a call's request is, and what answers it. Raises NotImplementedByEngine."""
    if (call.service, call.method) == (SERVICE, JOIN):
        return messages.TaskRequest, TaskService._join
    method = _METHODS.get(call.method)
    if call.service not in messages.SERVICES or method is None:
        raise NotImplementedByEngine(f"/{call.service}/{call.method} is not implemented")
    return messages.METHODS[call.method][0], method


def _exit_time(process: Process) -> Timestamp:
    """Go's zero time for a process that has not ended: the year 1, which its clients print as never."""
    if not process.exited_at:
        return Timestamp(seconds=-62135596800)
    return timestamp_from_nanoseconds(process.exited_at)
