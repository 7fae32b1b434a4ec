"""grpc.health.v1: whoever gets an answer knows that we serve. No service has a health of its own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from slipway.base.errors import NotFound
from slipway.contracts.containerd_api.generated import health_pb2 as api
from slipway.transport.aio.grpc_server import Call

_UNKNOWN = api.HealthCheckResponse(status=api.HealthCheckResponse.SERVICE_UNKNOWN)
_SERVING = api.HealthCheckResponse(status=api.HealthCheckResponse.SERVING)


class HealthService:
    async def check(self, call: Call, request: Any) -> Any:
        if request.service:
            raise NotFound("unknown service")
        return _SERVING

    async def watch(self, call: Call, request: Any) -> AsyncIterator[Any]:
        yield _UNKNOWN if request.service else _SERVING
        await asyncio.Event().wait()  # the status does not change before the end
