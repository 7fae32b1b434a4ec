"""Which networks a list shows, and what a prune of networks refuses."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from slipway.dockerd.api.networks import NetworkRoutes
from slipway.dockerd.api.prune_gate import PruneGate
from slipway.dockerd.api.routing import Router
from slipway.dockerd.networks.model import EndpointRecord, Network
from slipway.transport.aio.http_messages import BodyStream, Request, Response

ENDPOINT = EndpointRecord(endpoint_id="e", container_id="c", container_name="box", network="mine", network_id="c3")
NETWORKS = [
    Network(id="a1" * 32, name="bridge", driver="bridge"),
    Network(id="b2" * 32, name="host", driver="host"),
    Network(id="c3" * 32, name="mine", driver="bridge", labels={"role": "web"}, endpoints=(ENDPOINT,)),
    Network(id="d4" * 32, name="my-spare", driver="bridge", scope="swarm"),
    Network(id="e5" * 32, name="none", driver="null"),
]
IMPOSSIBLE = ({"name": ["a"]}, {"dangling": ["true"]}, {"until": ["soon"]}, {"until": ["1", "2"]})
CLOCK: Any = SimpleNamespace(now=lambda: 0, local_offset=lambda: 0)


def ask(method: str, path: str, filters: Any = None, gate: PruneGate | None = None) -> tuple[int, Any]:
    backend: Any = SimpleNamespace(list=lambda: list(NETWORKS))
    text = "" if filters is None else f"?filters={quote(json.dumps(filters))}"
    body = BodyStream(lambda: None, lambda: None)
    request = Request(method=method, target=f"{path}{text}".encode(), headers={}, body=body, keeps_alive=True)
    routes = NetworkRoutes(backend, gate or PruneGate(), CLOCK).routes()
    answer = asyncio.run(Router(routes, {}).handle(request))
    assert isinstance(answer, Response)
    return answer.status, orjson.loads(answer.body)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (None, ["bridge", "host", "mine", "my-spare", "none"]),
        ({"name": ["^m"]}, ["mine", "my-spare"]),
        ({"name": ["^mine$", "none"]}, ["mine", "none"]),
        ({"name": ["i"]}, ["bridge", "mine"]),
        ({"id": ["^c3"]}, ["mine"]),
        ({"id": ["3c"]}, ["mine"]),  # anywhere, as the original
        ({"driver": ["bridge"]}, ["bridge", "mine", "my-spare"]),
        ({"driver": {"null": True, "host": True}}, ["host", "none"]),
        ({"scope": ["swarm"]}, ["my-spare"]),
        ({"label": ["role"]}, ["mine"]),
        ({"label": ["role=db"]}, []),
        ({"type": ["custom"]}, ["mine", "my-spare"]),
        ({"type": ["builtin"]}, ["bridge", "host", "none"]),
        ({"dangling": ["true"]}, ["my-spare"]),
        ({"dangling": ["0"]}, ["bridge", "host", "mine", "none"]),
    ],
)
def test_a_filter_shows_what_the_originals_shows(filters: Any, names: list[str]) -> None:
    status, answer = ask("GET", "/networks", filters)
    assert (status, [network["Name"] for network in answer]) == (200, names)


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"nosuch": ["1"]}, "invalid filter 'nosuch'"),
        ({"type": ["mine"]}, "invalid filter: 'type'='mine'"),
        ({"dangling": ["0", "1"]}, 'got more than one value for filter key "dangling"'),
        (
            {"dangling": ["yes"]},
            'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
        ),
    ],
)
def test_a_list_refuses_what_it_does_not_know(filters: Any, words: str) -> None:
    assert ask("GET", "/networks", filters) == (400, {"message": words})


def test_a_prune_knows_labels_and_until() -> None:
    filters = {"label": ["a"], "label!": ["b"], "until": ["1h"]}
    assert ask("POST", "/networks/prune", filters) == (200, {"NetworksDeleted": None})


@pytest.mark.parametrize(
    "filters", [{"name": ["a"]}, {"dangling": ["true"]}, {"until": ["soon"]}, {"until": ["1", "2"]}]
)
def test_a_prune_refuses_what_it_does_not_know(filters: Any) -> None:
    assert ask("POST", "/networks/prune", filters)[0] == 400


def test_a_prune_waits_for_nobody() -> None:
    gate = PruneGate()
    with gate.pass_alone():
        assert ask("POST", "/networks/prune", gate=gate)[0] == 409
    assert ask("POST", "/networks/prune", gate=gate)[0] == 200
