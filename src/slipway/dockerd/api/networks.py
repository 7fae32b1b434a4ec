"""Routes of networks: the predefined ones can be looked at."""

from typing import Any, Protocol

from slipway.base.clock import Clock
from slipway.base.errors import NotImplementedByEngine, PermissionDenied
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.dockerd.api.prune_gate import PruneGate
from slipway.dockerd.api.routing import Call, Route, json_response
from slipway.dockerd.networks.list_networks import PRUNE_FILTERS, check_filters, is_selected
from slipway.dockerd.networks.model import Network
from slipway.transport.aio.http_messages import Answer


class Backend(Protocol):
    """What these routes need."""

    def list(self) -> list[Network]: ...
    def inspect(self, name_or_id: str) -> Network: ...


class NetworkRoutes:
    """Lists and inspects."""

    def __init__(self, backend: Backend, gate: PruneGate, clock: Clock) -> None:
        """`gate` is that of containers: only one of both prunes at a time."""
        self._backend = backend
        self._gate = gate
        self._clock = clock

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/networks", self.list),
            Route("GET", "/networks/", self.list),
            Route("POST", "/networks/create", self.create),
            Route("POST", "/networks/prune", self.prune, least="1.25"),
            Route("GET", "/networks/{id}", self.inspect),
            Route("DELETE", "/networks/{id}", self.remove),
        ]

    async def list(self, call: Call) -> Answer:
        filters = call.query.filters()
        check_filters(filters)
        found = [network for network in self._backend.list() if is_selected(network, filters)]
        return json_response([network_document(network, with_containers=False) for network in found])

    async def inspect(self, call: Call) -> Answer:
        return json_response(network_document(self._backend.inspect(call.names["id"]), with_containers=True))

    async def create(self, call: Call) -> Answer:
        await call.json_if_any()
        raise NotImplementedByEngine("networks of one's own are not supported by this engine yet")

    async def prune(self, call: Call) -> Answer:
        with self._gate.pass_alone():
            filters = call.query.filters()
            filters.check_names(PRUNE_FILTERS)
            filters.until(now=self._clock.now(), offset=self._clock.local_offset())
        return json_response({"NetworksDeleted": None})

    async def remove(self, call: Call) -> Answer:
        network = self._backend.inspect(call.names["id"])
        raise PermissionDenied(f"{network.name} is a pre-defined network and cannot be removed")


def network_document(network: Network, *, with_containers: bool) -> dict[str, Any]:
    """As the Engine API writes it; the list leaves containers out."""
    containers = {
        endpoint.container_id: {
            "Name": endpoint.container_name,
            "EndpointID": endpoint.endpoint_id,
            "MacAddress": endpoint.mac_address,
            "IPv4Address": f"{endpoint.ipv4_address}/{endpoint.ipv4_prefix_length}" if endpoint.ipv4_address else "",
            "IPv6Address": "",
        }
        for endpoint in (network.endpoints if with_containers else ())
    }
    addresses = [{"Subnet": network.subnet, "Gateway": network.gateway}] if network.subnet else None
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": rfc3339_from_nanoseconds(network.created),
        "Scope": network.scope,
        "Driver": network.driver,
        "EnableIPv4": True,
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": None, "Config": addresses},
        "Internal": network.internal,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": containers,
        "Options": dict(network.options),
        "Labels": dict(network.labels),
    }
