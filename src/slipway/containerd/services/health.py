"""grpc.health.v1: whoever gets an answer knows that we serve."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from slipway.contracts.containerd_api.generated import health_pb2 as api
from slipway.transport.aio.grpc_server import Call

_SERVING = api.HealthCheckResponse(status=api.HealthCheckResponse.SERVING)


class HealthService:
    async def check(self, call: Call, request: Any) -> Any:
        return _SERVING

    async def watch(self, call: Call, request: Any) -> AsyncIterator[Any]:
        yield _SERVING
        await asyncio.Event().wait()  # the status does not change before the end
