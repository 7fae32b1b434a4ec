"""What the engine deliberately does not have answers as a daemon out of swarm mode and without plugins does.

Statuses and sentences are facts of moby 28.5: daemon/cluster/errors.go, plugin/errors.go, and its routers.
"""

import asyncio
from typing import Any

import orjson
import pytest

from slipway.dockerd.api import absent
from slipway.dockerd.api.routing import Router
from slipway.transport.aio.http_messages import BodyStream, Request, Response

JSON = {"content-type": "application/json"}
NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
    "to connect this node to swarm and try again."
)
NO_CLUSTER_VOLUMES = "volume update only valid for cluster volumes, but swarm is unavailable"


def ask(method: str, target: str, body: bytes = b"") -> tuple[int, Any]:
    status, text = ask_raw(method, target, body)
    return status, orjson.loads(text)


def ask_raw(method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
    async def answer() -> Response:
        stream = BodyStream(lambda: None, lambda: None)
        if body:
            stream.feed(body)
        stream.feed_end()
        request = Request(method=method, target=target.encode(), headers=JSON, body=stream, keeps_alive=True)
        answer = await Router(absent.routes(), {}).handle(request)
        assert isinstance(answer, Response)
        return answer

    response = asyncio.run(answer())
    return response.status, response.body


def refusal(message: str) -> dict[str, str]:
    return {"message": message}


MANAGERS_ONLY = [
    ("GET", "/swarm"),
    ("GET", "/swarm/unlockkey"),
    ("POST", "/swarm/update?version=1"),
    ("POST", "/swarm/unlock"),
    ("GET", "/nodes"),
    ("GET", "/nodes/n1"),
    ("DELETE", "/nodes/n1?force=1"),
    ("POST", "/nodes/n1/update?version=7"),
    ("GET", "/services"),
    ("GET", "/services/web"),
    ("POST", "/services/create"),
    ("POST", "/services/web/update?version=18446744073709551615"),
    ("POST", f"/services/web/update?version={'0' * 5000}1"),
    ("DELETE", "/services/web"),
    ("GET", "/services/web/logs?stdout=1"),
    ("GET", "/tasks"),
    ("GET", "/tasks/t1"),
    ("GET", "/tasks/t1/logs?stderr=1"),
    ("GET", "/secrets"),
    ("POST", "/secrets/create"),
    ("GET", "/secrets/s1"),
    ("DELETE", "/secrets/s1"),
    ("POST", "/secrets/s1/update?version=2"),
    ("GET", "/configs"),
    ("POST", "/configs/create"),
    ("GET", "/configs/c1"),
    ("DELETE", "/configs/c1"),
    ("POST", "/configs/c1/update?version=3"),
]


@pytest.mark.parametrize(("method", "target"), MANAGERS_ONLY)
def test_what_only_a_manager_answers_is_unavailable(method: str, target: str) -> None:
    body = b"{}" if method == "POST" else b""
    assert ask(method, f"/v1.51{target}", body) == (503, refusal(NO_MANAGER))


def test_no_swarm_can_be_left() -> None:
    assert ask("POST", "/swarm/leave?force=1") == (503, refusal("This node is not part of a swarm"))


@pytest.mark.parametrize("path", ["/swarm/init", "/swarm/join"])
def test_no_swarm_can_be_made_or_joined(path: str) -> None:
    assert ask("POST", path, b"{}") == (501, refusal("swarm mode is not supported by this engine"))


@pytest.mark.parametrize("path", ["/swarm/init", "/swarm/unlock", "/services/create", "/nodes/n1/update?version=1"])
def test_what_is_no_json_is_refused_first(path: str) -> None:
    status, document = ask("POST", path, b"{")
    assert status == 400
    assert document["message"].startswith("invalid JSON")


@pytest.mark.parametrize("path", ["/nodes", "/services", "/tasks", "/secrets", "/configs", "/plugins"])
def test_malformed_filters_are_refused_first(path: str) -> None:
    status, document = ask("GET", f"{path}?filters=x")
    assert status == 400
    assert "invalid" in document["message"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/swarm/update", "invalid swarm version '': strconv.ParseUint: parsing \"\": invalid syntax"),
        ("/nodes/n/update?version=-1", "invalid node version '-1': strconv.ParseUint: parsing \"-1\": invalid syntax"),
        (
            "/services/s/update?version=18446744073709551616",
            "invalid service version '18446744073709551616': "
            'strconv.ParseUint: parsing "18446744073709551616": value out of range',
        ),
        ("/secrets/s/update?version=x", "invalid secret version"),
        ("/configs/c/update?version=", "invalid config version"),
    ],
)
def test_the_version_of_what_is_updated_is_a_number(path: str, message: str) -> None:
    assert ask("POST", path, b"{}") == (400, refusal(message))


@pytest.mark.parametrize("path", ["/services/web/logs", "/tasks/t1/logs?stdout=0"])
def test_logs_of_no_stream_are_refused_first(path: str) -> None:
    assert ask("GET", path) == (400, refusal("Bad parameters: you must choose at least one stream"))


@pytest.mark.parametrize("name", ["data", "a/b"])
def test_only_volumes_of_a_cluster_can_be_updated(name: str) -> None:
    assert ask("PUT", f"/v1.51/volumes/{name}?version=1", b"{") == (503, refusal(NO_CLUSTER_VOLUMES))


def test_there_are_no_plugins() -> None:
    assert ask("GET", "/v1.51/plugins") == (200, [])
    assert ask("GET", '/plugins?filters={"enabled":["true"],"capability":["volumedriver"]}') == (200, [])
    assert ask("GET", '/plugins?filters={"name":["x"]}') == (400, refusal("invalid filter 'name'"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/plugins/NAME/json"),
        ("DELETE", "/plugins/NAME"),
        ("POST", "/plugins/NAME/enable?timeout=0"),
        ("POST", "/plugins/NAME/disable"),
        ("POST", "/plugins/NAME/push"),
        ("POST", "/plugins/NAME/upgrade?remote=x"),
        ("POST", "/plugins/NAME/set"),
    ],
)
@pytest.mark.parametrize("name", ["sshfs", "vieux/sshfs:latest"])
def test_no_plugin_is_found(method: str, path: str, name: str) -> None:
    assert ask(method, path.replace("NAME", name)) == (404, refusal(f'plugin "{name}" not found'))


@pytest.mark.parametrize(
    ("method", "target", "message"),
    [
        ("GET", "/plugins/privileges?remote=x", "managed plugins are not supported by this engine"),
        ("POST", "/plugins/pull?remote=x", "managed plugins are not supported by this engine"),
        ("POST", "/plugins/create?name=x", "managed plugins are not supported by this engine"),
        ("POST", "/session", "sessions of BuildKit are not supported by this engine"),
        ("POST", "/grpc", "BuildKit is not part of this engine"),
    ],
)
def test_what_has_no_place_here_says_so(method: str, target: str, message: str) -> None:
    assert ask(method, target) == (501, refusal(message))
