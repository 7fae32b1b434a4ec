"""POST /networks/{id}/connect and disconnect: the predefined networks refuse in the original's words.

Facts of moby 28.5: runconfig/errors.go, daemon/network.go, daemon/container_operations.go.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from slipway.base.errors import InvalidArgument, NotFound
from slipway.contracts.engine_api.networks import EndpointSettings
from slipway.dockerd.api.network_endpoints import NetworkEndpointRoutes
from slipway.dockerd.api.routing import Router
from slipway.dockerd.containers.join_network import join_network
from slipway.dockerd.containers.leave_network import leave_network
from slipway.dockerd.networks.model import Network
from slipway.transport.aio.http_messages import BodyStream, Request, Response

DRIVERS = {"bridge": "bridge", "host": "host", "none": "null"}
SHARED = (
    "container sharing network namespace with another container or host cannot be connected to any other network",
    400,
)
NONE = ("container cannot be connected to multiple networks with one of the networks in private (none) mode", 400)
TO_HOST = ("cannot connect container to host network - container must be created in host network mode", 400)
FROM_HOST = ("cannot disconnect container from host network - container was created in host network mode", 400)


def container(mode: str, *, running: bool = True) -> Any:
    host_config = SimpleNamespace(network_mode=mode)
    record = SimpleNamespace(host_config=host_config, config=SimpleNamespace(network_disabled=False))
    return SimpleNamespace(id="c0ffee", name="web", record=record, state=SimpleNamespace(is_running=running))


class FakeNetworks:
    def inspect(self, name_or_id: str) -> Network:
        if name_or_id not in DRIVERS:
            raise NotFound(f"network {name_or_id} not found")
        return Network(id=f"id-{name_or_id}", name=name_or_id, driver=DRIVERS[name_or_id], created=1)


class Backend:
    """The verbs over one container, `web`."""

    def __init__(self, one: Any) -> None:
        self._one = one
        self._environment: Any = SimpleNamespace(networks=FakeNetworks(), registry=SimpleNamespace(find=self._find))

    def _find(self, reference: str) -> Any:
        if not reference:
            raise InvalidArgument("bad parameter: no container name or ID supplied")
        if reference != "web":
            raise NotFound(f"No such container: {reference}")
        return self._one

    async def join_network(self, reference: str, network: str, settings: EndpointSettings) -> None:
        join_network(self._environment, reference, network, settings)

    async def leave_network(self, reference: str, network: str, *, force: bool) -> None:
        leave_network(self._environment, reference, network, force=force)


def ask(one: Any, path: str, document: object) -> tuple[str, int]:
    async def answer() -> Response:
        stream = BodyStream(lambda: None, lambda: None)
        stream.feed(orjson.dumps(document))
        stream.feed_end()
        headers = {"content-type": "application/json"}
        request = Request(method="POST", target=path.encode(), headers=headers, body=stream, keeps_alive=True)
        answer = await Router(NetworkEndpointRoutes(Backend(one)).routes(), {}).handle(request)
        assert isinstance(answer, Response)
        return answer

    response = asyncio.run(answer())
    return (orjson.loads(response.body)["message"] if response.body else ""), response.status


@pytest.mark.parametrize(
    ("mode", "network", "expected"),
    [
        ("bridge", "bridge", ("endpoint with name web already exists in network bridge", 403)),
        ("bridge", "host", TO_HOST),
        ("bridge", "none", NONE),
        ("none", "bridge", NONE),
        ("none", "host", TO_HOST),
        ("host", "bridge", SHARED),
        ("host", "none", SHARED),
        ("container:other", "bridge", SHARED),
        ("container:other", "nowhere", SHARED),
        ("bridge", "nowhere", ("network nowhere not found", 404)),
    ],
)
def test_a_running_container_keeps_its_predefined_network(mode: str, network: str, expected: tuple[str, int]) -> None:
    assert ask(container(mode), f"/v1.51/networks/{network}/connect", {"Container": "web"}) == expected


def test_a_stopped_container_may_be_connected_to_what_it_has() -> None:
    assert ask(container("bridge", running=False), "/networks/bridge/connect", {"Container": "web"}) == ("", 200)


@pytest.mark.parametrize("verb", ["connect", "disconnect"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nobody", ("No such container: nobody", 404)),
        ("", ("bad parameter: no container name or ID supplied", 400)),
    ],
)
def test_the_container_is_looked_for_first(verb: str, name: str, expected: tuple[str, int]) -> None:
    assert ask(container("bridge"), f"/networks/nowhere/{verb}", {"Container": name}) == expected


def test_no_address_of_ones_own_on_a_predefined_network() -> None:
    message, status = ask(
        container("bridge"),
        "/networks/bridge/connect",
        {"Container": "web", "EndpointConfig": {"IPAMConfig": {"IPv4Address": "172.17.0.9"}, "Aliases": ["a"]}},
    )
    assert status == 400
    assert "user specified IP address is supported on user defined networks only" in message
    assert "network-scoped alias is supported only for containers in user defined networks" in message
    assert message.startswith("invalid endpoint settings:\n")


@pytest.mark.parametrize(
    ("mode", "network", "expected"),
    [
        ("host", "host", FROM_HOST),
        ("bridge", "none", ("container c0ffee is not connected to network none", 409)),
        ("none", "bridge", ("container c0ffee is not connected to network bridge", 409)),
        ("container:other", "bridge", ("container c0ffee is not connected to network bridge", 409)),
        ("bridge", "nowhere", ("network nowhere not found", 404)),
        ("bridge", "bridge", ("disconnecting containers from networks is not supported by this engine yet", 501)),
    ],
)
def test_a_running_container_is_not_disconnected(mode: str, network: str, expected: tuple[str, int]) -> None:
    assert ask(container(mode), f"/networks/{network}/disconnect", {"Container": "web"}) == expected


def test_a_stopped_container_is_not_in_another_network() -> None:
    stopped = container("bridge", running=False)
    expected = ("container c0ffee is not connected to the network none", 409)
    assert ask(stopped, "/networks/none/disconnect", {"Container": "web"}) == expected


@pytest.mark.parametrize(
    ("network", "expected"),
    [("nowhere", ("network nowhere not found", 404)), ("bridge", ("endpoint gone not found", 404))],
)
def test_force_looks_for_the_endpoint_of_a_container_that_has_gone(network: str, expected: tuple[str, int]) -> None:
    document = {"Container": "gone", "Force": True}
    assert ask(container("bridge"), f"/networks/{network}/disconnect", document) == expected


def test_settings_without_addresses_are_fine() -> None:
    stopped = container("bridge", running=False)
    document = {"Container": "web", "EndpointConfig": {"IPAMConfig": None, "Aliases": None}}
    assert ask(stopped, "/networks/bridge/connect", document) == ("", 200)
