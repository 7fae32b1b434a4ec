"""The calling side of a shim's sandbox service, over ttrpc on asyncio."""

from __future__ import annotations

from slipway.base.errors import InvalidArgument, Unavailable
from slipway.clients.shim.calls import ServiceCalls
from slipway.clients.shim.interface import Bootstrap
from slipway.clients.shim.task_client import socket_path
from slipway.contracts.shim_api import sandbox
from slipway.transport.aio.ttrpc import TtrpcClient
from slipway.wire.protobuf_known import Empty


async def connect(bootstrap: Bootstrap) -> ShimSandboxClient:
    """Connect to the shim of a sandbox. Raises Unavailable, InvalidArgument."""
    if bootstrap.protocol != "ttrpc":
        raise InvalidArgument(f"connect to shim: protocol {bootstrap.protocol} is unknown")
    return ShimSandboxClient(await TtrpcClient.connect(socket_path(bootstrap.address)))


class ShimSandboxClient:
    """One connection. Calls may overlap, and raise what interface.TaskClient's do; a shim without sandboxes answers
    with NotImplementedByEngine."""

    def __init__(self, client: TtrpcClient) -> None:
        self._client = client
        self._call = ServiceCalls(client, sandbox.SERVICE).call

    async def create(self, request: sandbox.CreateSandboxRequest) -> None:
        await self._call("CreateSandbox", request, Empty)

    async def start(self, request: sandbox.SandboxRequest) -> sandbox.StartSandboxResponse:
        return await self._call("StartSandbox", request, sandbox.StartSandboxResponse)

    async def platform(self, request: sandbox.SandboxRequest) -> sandbox.PlatformResponse:
        return await self._call("Platform", request, sandbox.PlatformResponse)

    async def stop(self, request: sandbox.StopSandboxRequest) -> None:
        await self._call("StopSandbox", request, Empty)

    async def wait(self, request: sandbox.SandboxRequest) -> sandbox.WaitSandboxResponse:
        return await self._call("WaitSandbox", request, sandbox.WaitSandboxResponse)

    async def status(
        self, request: sandbox.SandboxRequest, *, timeout: float | None = None
    ) -> sandbox.SandboxStatusResponse:
        return await self._call("SandboxStatus", request, sandbox.SandboxStatusResponse, timeout)

    async def metrics(self, request: sandbox.SandboxRequest) -> sandbox.SandboxMetricsResponse:
        return await self._call("SandboxMetrics", request, sandbox.SandboxMetricsResponse)

    async def shutdown(self, request: sandbox.SandboxRequest) -> None:
        """The shim ends; a connection that closes before the answer is success."""
        try:
            await self._call("ShutdownSandbox", request, Empty)
        except Unavailable:
            return

    async def wait_closed(self) -> None:
        await self._client.wait_closed()

    async def close(self) -> None:
        await self._client.close()
