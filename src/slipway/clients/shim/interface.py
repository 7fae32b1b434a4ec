"""What containerd asks of shims: the contract of launching one and of speaking with it.

Two launchers keep it (`exec.ExecLauncher`, any maker's shim; `template.TemplateLauncher`, ours) and one client
(`task_client.ShimTaskClient`). Requests and responses are the messages of contracts/shim_api.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from slipway.contracts.shim_api import messages as task
from slipway.wire.protobuf_known import AnyMessage


@dataclass(frozen=True, kw_only=True)
class ShimRequest:
    """Which shim to start.

    `bundle` is the folder of the container: it exists, holds config.json, and becomes the shim's working directory.
    `address` is containerd's gRPC socket, `ttrpc_address` the socket where it serves Events.Forward. `runtime` is a
    name (`io.containerd.runc.v2`) or an absolute path to a shim; empty is io.containerd.runc.v2. `options` is what the
    client gave as runtime options (an Any), encoded, or b"".
    """

    namespace: str
    id: str
    bundle: str
    address: str
    ttrpc_address: str
    runtime: str = ""
    options: bytes = b""
    debug: bool = False


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """Where a shim answers. `version` is that of the task API (2 or 3); keep it in the bundle to find the shim again.

    `address` is a URI: unix:///run/.../s/<hash>. `pid` is 0 when a foreign shim did not tell.
    """

    address: str
    version: int = 2
    protocol: str = "ttrpc"
    pid: int = 0


@dataclass(frozen=True, kw_only=True)
class DeadShim:
    """What `delete` found out about a container whose shim is gone. `exited_at` is nanoseconds since the epoch."""

    pid: int
    exit_status: int
    exited_at: int


class ShimLauncher(Protocol):
    """Starts shims. Safe to call concurrently for different ids."""

    async def launch(self, request: ShimRequest) -> Bootstrap:
        """Start a shim and return when it answers. The shim outlives us.

        Raises InvalidArgument for a runtime that cannot be found, Unavailable when the shim did not start (its own
        words are in the message). After a failure no process and no socket is left; the bundle is as it was.
        """
        ...

    async def delete(self, request: ShimRequest) -> DeadShim:
        """Clean up after a shim that died: kill and delete the container, unmount its root file system.

        Also called once after an orderly Shutdown, where it finds nothing to do. Safe to repeat. Raises Unavailable.
        """
        ...

    async def close(self) -> None:
        """Let go of what the launcher keeps. Shims live on."""
        ...


class TaskClient(Protocol):
    """One connection to one shim. Calls may overlap: `wait` stays open while others come and go.

    Every call raises the EngineError that the shim answered with, Unavailable when the connection is lost (then
    `wait_closed` has returned too), Cancelled when `timeout` seconds passed. Cancelling a call leaves the connection
    in order; the shim may still carry the call out.
    """

    async def state(self, request: task.ProcessRequest) -> task.StateResponse: ...
    async def create(self, request: task.CreateTaskRequest) -> task.CreateTaskResponse: ...
    async def start(self, request: task.ProcessRequest) -> task.StartResponse: ...
    async def delete(self, request: task.ProcessRequest) -> task.DeleteResponse: ...
    async def pids(self, request: task.TaskRequest) -> task.PidsResponse: ...
    async def pause(self, request: task.TaskRequest) -> None: ...
    async def resume(self, request: task.TaskRequest) -> None: ...
    async def checkpoint(self, request: task.CheckpointTaskRequest) -> None: ...
    async def kill(self, request: task.KillRequest) -> None: ...
    async def exec(self, request: task.ExecProcessRequest) -> None: ...
    async def resize_pty(self, request: task.ResizePtyRequest) -> None: ...
    async def close_io(self, request: task.CloseIORequest) -> None: ...
    async def update(self, request: task.UpdateTaskRequest) -> None: ...
    async def wait(self, request: task.ProcessRequest) -> task.WaitResponse: ...
    async def stats(self, request: task.TaskRequest) -> AnyMessage | None: ...
    async def connect(self, request: task.TaskRequest) -> task.ConnectResponse: ...
    async def shutdown(self, request: task.ShutdownRequest) -> None:
        """The shim ends when it has no container left; a connection that closes before the answer is success."""
        ...

    async def wait_closed(self) -> None:
        """Return when the connection is gone: the shim ended, or `close` was called."""
        ...

    async def close(self) -> None: ...
