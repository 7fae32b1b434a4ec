"""Routes that put containers into networks and take them out."""

from typing import Protocol

from slipway.contracts.engine_api.networks import ConnectRequest, DisconnectRequest, EndpointSettings
from slipway.contracts.engine_api.schema import decode
from slipway.dockerd.api.routing import Call, Route, empty_response
from slipway.transport.aio.http_messages import Answer


class Backend(Protocol):
    """What these routes need. Both raise NotFound for the container and for the network."""

    async def join_network(self, reference: str, network: str, settings: EndpointSettings) -> None: ...
    async def leave_network(self, reference: str, network: str, *, force: bool) -> None: ...


class NetworkEndpointRoutes:
    """Decodes; 200 without a body when it is done, as the original."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/networks/{id:*}/connect", self.connect),
            Route("POST", "/networks/{id:*}/disconnect", self.disconnect),
        ]

    async def connect(self, call: Call) -> Answer:
        request = decode(ConnectRequest, await call.json_if_any(), "network connect")
        settings = request.endpoint_config or EndpointSettings()
        await self._backend.join_network(request.container, call.names["id"], settings)
        return empty_response(200)

    async def disconnect(self, call: Call) -> Answer:
        request = decode(DisconnectRequest, await call.json_if_any(), "network disconnect")
        await self._backend.leave_network(request.container, call.names["id"], force=request.force)
        return empty_response(200)
