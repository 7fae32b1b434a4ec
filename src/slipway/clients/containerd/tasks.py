"""containerd's task service: the running side of containers. Every wait for a process has no deadline here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage

from slipway.clients.containerd.calls import Connection, nanoseconds_from_timestamp, service_methods
from slipway.contracts.containerd_api.generated import task_pb2, tasks_pb2, types_pb2
from slipway.contracts.containerd_api.types import Mount

METHODS: Final = service_methods(tasks_pb2.DESCRIPTOR, "Tasks")
SPEC_TYPE: Final = "types.containerd.io/opencontainers/runtime-spec/1/"
STATUS_NAMES: Final = {
    task_pb2.CREATED: "created",
    task_pb2.RUNNING: "running",
    task_pb2.STOPPED: "stopped",
    task_pb2.PAUSED: "paused",
    task_pb2.PAUSING: "pausing",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Streams:
    """Paths of a process's fifos; empty for none. With `terminal` there is no stderr."""

    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    terminal: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessStatus:
    """A process as its shim knows it. `status` is created, running, stopped, paused, pausing or unknown."""

    pid: int
    status: str
    exit_status: int
    exited_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Exit:
    """How a process ended; `exited_at` in nanoseconds since the epoch."""

    exit_status: int
    exited_at: int


class Tasks:
    """Calls of one connection. `exec_id` empty means the init process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(
        self, container_id: str, rootfs: Sequence[Mount], streams: Streams, options: AnyMessage | None
    ) -> int:
        """Make the container's init process wait at its start; returns its PID. Raises what the runtime said."""
        request = tasks_pb2.CreateTaskRequest(
            container_id=container_id,
            rootfs=[_mount_message(mount) for mount in rootfs],
            stdin=streams.stdin,
            stdout=streams.stdout,
            stderr=streams.stderr,
            terminal=streams.terminal,
        )
        if options is not None:
            request.options.CopyFrom(options)
        reply = await self._call("create", request)
        return int(reply.pid)

    async def start(self, container_id: str, exec_id: str = "") -> int:
        """Let the process run; returns its PID."""
        reply = await self._call("start", tasks_pb2.StartRequest(container_id=container_id, exec_id=exec_id))
        return int(reply.pid)

    async def exec(self, container_id: str, exec_id: str, process: bytes, streams: Streams) -> None:
        """Add a process (the JSON of an OCI process) to a running container; `start` starts it."""
        await self._call(
            "exec",
            tasks_pb2.ExecProcessRequest(
                container_id=container_id,
                exec_id=exec_id,
                stdin=streams.stdin,
                stdout=streams.stdout,
                stderr=streams.stderr,
                terminal=streams.terminal,
                spec=AnyMessage(type_url=f"{SPEC_TYPE}Process", value=process),
            ),
        )

    async def kill(self, container_id: str, signal: int, *, exec_id: str = "", everyone: bool = False) -> None:
        """Send a signal; NotFound when the process has ended."""
        await self._call(
            "kill",
            tasks_pb2.KillRequest(container_id=container_id, exec_id=exec_id, signal=signal, all=everyone),
        )

    async def delete(self, container_id: str) -> Exit:
        """Take the ended init process away, with its shim; raises FailedPrecondition while it runs."""
        return _exit(await self._call("delete", tasks_pb2.DeleteTaskRequest(container_id=container_id)))

    async def delete_process(self, container_id: str, exec_id: str) -> Exit:
        request = tasks_pb2.DeleteProcessRequest(container_id=container_id, exec_id=exec_id)
        return _exit(await self._call("delete_process", request))

    async def get(self, container_id: str, exec_id: str = "", *, timeout: float | None = None) -> ProcessStatus:
        """Raises NotFound when there is no such process; asks the shim, which may be stopped: give a `timeout`."""
        request = tasks_pb2.GetRequest(container_id=container_id, exec_id=exec_id)
        return _status((await self._connection.call(METHODS["get"], request, timeout=timeout)).process)

    async def statuses(self) -> dict[str, ProcessStatus]:
        """Every task of this namespace by its container's id; `unknown` where the shim does not answer."""
        reply = await self._call("list", tasks_pb2.ListTasksRequest())
        return {process.id: _status(process) for process in reply.tasks}

    async def resize(self, container_id: str, exec_id: str, width: int, height: int) -> None:
        await self._call(
            "resize_pty",
            tasks_pb2.ResizePtyRequest(container_id=container_id, exec_id=exec_id, width=width, height=height),
        )

    async def close_stdin(self, container_id: str, exec_id: str = "") -> None:
        await self._call("close_io", tasks_pb2.CloseIORequest(container_id=container_id, exec_id=exec_id, stdin=True))

    async def pause(self, container_id: str) -> None:
        await self._call("pause", tasks_pb2.PauseTaskRequest(container_id=container_id))

    async def resume(self, container_id: str) -> None:
        await self._call("resume", tasks_pb2.ResumeTaskRequest(container_id=container_id))

    async def pids(self, container_id: str) -> list[int]:
        """The processes in the container, as the host numbers them."""
        reply = await self._call("list_pids", tasks_pb2.ListPidsRequest(container_id=container_id))
        return [process.pid for process in reply.processes]

    async def update(self, container_id: str, resources: bytes) -> None:
        """Change the limits: the JSON of OCI LinuxResources."""
        spec = AnyMessage(type_url=f"{SPEC_TYPE}LinuxResources", value=resources)
        await self._call("update", tasks_pb2.UpdateTaskRequest(container_id=container_id, resources=spec))

    async def metrics(self, container_id: str) -> AnyMessage | None:
        """The cgroup's metrics (cgroups v1 or v2 by type), or None."""
        reply = await self._call("metrics", tasks_pb2.MetricsRequest(filters=[f"id=={container_id}"]))
        return reply.metrics[0].data if reply.metrics else None

    async def wait(self, container_id: str, exec_id: str = "") -> Exit:
        return _exit(await self._call("wait", tasks_pb2.WaitRequest(container_id=container_id, exec_id=exec_id)))

    async def _call(self, name: str, request: Any) -> Any:
        return await self._connection.call(METHODS[name], request, timeout=None)


def _status(process: Any) -> ProcessStatus:
    return ProcessStatus(
        pid=process.pid,
        status=STATUS_NAMES.get(process.status, "unknown"),
        exit_status=process.exit_status,
        exited_at=nanoseconds_from_timestamp(process.exited_at),
    )


def _exit(reply: Any) -> Exit:
    return Exit(exit_status=reply.exit_status, exited_at=nanoseconds_from_timestamp(reply.exited_at))


def _mount_message(mount: Mount) -> types_pb2.Mount:
    return types_pb2.Mount(type=mount.type, source=mount.source, target=mount.target, options=list(mount.options))
