"""The calling side of a shim's task service, over ttrpc on asyncio."""

from __future__ import annotations

from slipway.base.errors import InvalidArgument, Unavailable
from slipway.clients.shim.calls import ServiceCalls
from slipway.clients.shim.interface import Bootstrap
from slipway.contracts.shim_api import messages as task
from slipway.transport.aio.ttrpc import TtrpcClient
from slipway.wire.protobuf_known import AnyMessage, Empty

_SERVICES = {2: "containerd.task.v2.Task", 3: "containerd.task.v3.Task"}


async def connect(bootstrap: Bootstrap) -> ShimTaskClient:
    """Connect to a shim that a launcher started, now or before we restarted. Raises Unavailable, InvalidArgument."""
    if bootstrap.protocol != "ttrpc" or bootstrap.version not in _SERVICES:
        raise InvalidArgument(f"connect to shim: protocol {bootstrap.protocol} version {bootstrap.version} is unknown")
    return ShimTaskClient(await TtrpcClient.connect(socket_path(bootstrap.address)), _SERVICES[bootstrap.version])


def socket_path(address: str) -> str:
    """The path in a shim's address. Raises InvalidArgument for what is no unix socket with a path."""
    path = address.removeprefix("unix://")
    if not path.startswith("/"):
        raise InvalidArgument(f"connect to shim: {address!r} is no unix socket", "abstract sockets are refused")
    return path


class ShimTaskClient:
    """See interface.TaskClient."""

    def __init__(self, client: TtrpcClient, service: str) -> None:
        self._client = client
        self._call = ServiceCalls(client, service).call

    async def state(self, request: task.ProcessRequest) -> task.StateResponse:
        return await self._call("State", request, task.StateResponse)

    async def create(self, request: task.CreateTaskRequest) -> task.CreateTaskResponse:
        return await self._call("Create", request, task.CreateTaskResponse)

    async def start(self, request: task.ProcessRequest) -> task.StartResponse:
        return await self._call("Start", request, task.StartResponse)

    async def delete(self, request: task.ProcessRequest) -> task.DeleteResponse:
        return await self._call("Delete", request, task.DeleteResponse)

    async def pids(self, request: task.TaskRequest) -> task.PidsResponse:
        return await self._call("Pids", request, task.PidsResponse)

    async def pause(self, request: task.TaskRequest) -> None:
        await self._call("Pause", request, Empty)

    async def resume(self, request: task.TaskRequest) -> None:
        await self._call("Resume", request, Empty)

    async def checkpoint(self, request: task.CheckpointTaskRequest) -> None:
        await self._call("Checkpoint", request, Empty)

    async def kill(self, request: task.KillRequest) -> None:
        await self._call("Kill", request, Empty)

    async def exec(self, request: task.ExecProcessRequest) -> None:
        await self._call("Exec", request, Empty)

    async def resize_pty(self, request: task.ResizePtyRequest) -> None:
        await self._call("ResizePty", request, Empty)

    async def close_io(self, request: task.CloseIORequest) -> None:
        await self._call("CloseIO", request, Empty)

    async def update(self, request: task.UpdateTaskRequest) -> None:
        await self._call("Update", request, Empty)

    async def wait(self, request: task.ProcessRequest) -> task.WaitResponse:
        return await self._call("Wait", request, task.WaitResponse)

    async def stats(self, request: task.TaskRequest) -> AnyMessage | None:
        return (await self._call("Stats", request, task.StatsResponse)).stats

    async def connect(self, request: task.TaskRequest) -> task.ConnectResponse:
        return await self._call("Connect", request, task.ConnectResponse, timeout=10)

    async def shutdown(self, request: task.ShutdownRequest) -> None:
        try:
            await self._call("Shutdown", request, Empty)
        except Unavailable:
            return  # it ended before it answered

    async def wait_closed(self) -> None:
        await self._client.wait_closed()

    async def close(self) -> None:
        await self._client.close()
