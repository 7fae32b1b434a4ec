"""Which requests reach a handler, and how their bodies are read: as the original does both."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base.errors import InvalidArgument
from slipway.dockerd.api import later
from slipway.dockerd.api.containers import ContainerRoutes
from slipway.dockerd.api.json_body import object_from_body
from slipway.dockerd.api.prune_gate import PruneGate
from slipway.dockerd.api.routing import Call, Route, Router, json_response
from slipway.dockerd.api.streams import StreamRoutes
from slipway.dockerd.api.system import SystemRoutes
from slipway.transport.aio.http_messages import Answer, BodyStream, Request, Response


class Asked:
    """A backend that remembers of what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        async def answer(*arguments: Any, **_named: Any) -> list[Any]:
            self.calls.append((name, *arguments))
            return []

        def inspected(reference: str) -> dict[str, str]:
            self.calls.append((name, reference))
            return {"Id": reference}

        return inspected if name.startswith("inspect") else answer


def request_of(method: str, target: str, body: bytes = b"", kind: str = "") -> Request:
    stream = BodyStream(lambda: None, lambda: None)
    if body:
        stream.feed(body)
    stream.feed_end()
    headers = {"content-type": kind} if kind else {}
    return Request(method=method, target=target.encode(), headers=headers, body=stream, keeps_alive=True)


def answer_of(backend: Any, request: Request) -> Response:
    routes = [
        *SystemRoutes(backend).routes(),
        *ContainerRoutes(backend, PruneGate()).routes(),
        *StreamRoutes(backend).routes(),
        *later.routes(),
    ]
    answer = asyncio.run(Router(routes, {}).handle(request))
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/info"),
        ("PATCH", "/containers/web/start"),
        ("GET", "/containers/web/start"),
        ("HEAD", "/info"),
        ("HEAD", "/containers/json"),
        ("GET", "/nosuch"),
    ],
)
def test_a_wrong_method_is_a_page_that_is_not_there(method: str, path: str) -> None:
    answer = answer_of(Asked(), request_of(method, path))
    assert (answer.status, orjson.loads(answer.body)) == (404, {"message": "page not found"})


@pytest.mark.parametrize("target", ["*", "/", "/info", "/v1.51/containers/json", "/nosuch/page"])
def test_options_are_answered_everywhere(target: str) -> None:
    answer = answer_of(Asked(), request_of("OPTIONS", target))
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(("path", "status"), [("/_ping", 200), ("/v1.51/_ping", 200), ("/containers/a/archive", 501)])
def test_head_is_answered_where_the_original_answers_it(path: str, status: int) -> None:
    assert answer_of(Asked(), request_of("HEAD", path)).status == status


@pytest.mark.parametrize(
    ("method", "path", "name", "call"),
    [
        ("GET", "/containers/web/db/json", "web/db", "inspect"),
        ("DELETE", "/v1.51/containers/web/db", "web/db", "remove"),
        ("POST", "/containers/web/db/pause", "web/db", "pause"),
        ("GET", "/containers/web/json", "web", "inspect"),
        ("GET", "/containers/json/json", "json", "inspect"),
    ],
)
def test_a_containers_name_may_have_slashes(method: str, path: str, name: str, call: str) -> None:
    backend = Asked()
    assert answer_of(backend, request_of(method, path)).status in (200, 204)
    assert backend.calls == [(call, name)]


async def echo(call: Call) -> Answer:
    return json_response(await (call.json() if call.path == "/needed" else call.json_if_any()))


def echoed(path: str, body: bytes = b"", kind: str = "") -> tuple[int, Any]:
    router = Router([Route("POST", "/needed", echo), Route("POST", "/any", echo)], {})
    answer = asyncio.run(router.handle(request_of("POST", path, body, kind)))
    assert isinstance(answer, Response)
    document = orjson.loads(answer.body)
    return answer.status, document.get("message", document)


def test_an_empty_body_is_an_empty_object_where_one_may_be() -> None:
    assert echoed("/any") == (200, {})
    assert echoed("/any", kind="application/json") == (200, {})
    assert echoed("/needed") == (400, "invalid JSON: got EOF while reading request body")


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_body_that_is_said_to_be_something_else_is_refused(body: bytes) -> None:
    status, message = echoed("/any", body, "text/plain")
    assert status == 400
    assert message == "unsupported Content-Type header (text/plain): must be 'application/json'"


def test_an_update_without_body_changes_nothing() -> None:
    answer = answer_of(Asked(), request_of("POST", "/containers/web/update"))
    assert (answer.status, orjson.loads(answer.body)) == (200, {"Warnings": []})


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": "x\xffy"}', {"a": "x\ufffdy"}),
        (b'{"a": "\xe2\x82"}', {"a": "\ufffd\ufffd"}),
        (b'{"a": "\\ud800!"}', {"a": "\ufffd!"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b"null", {}),
        (b' {"a": 1}\n', {"a": 1}),
    ],
)
def test_a_body_is_read_as_go_reads_it(body: bytes, document: dict[str, Any]) -> None:
    assert object_from_body(body) == document


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"a": 1} {}', "unexpected content after JSON"),
        (b"{} x", "unexpected content after JSON"),
        (b"{}}", "unexpected content after JSON"),
        (b"[]", "invalid JSON in the request body: an object is needed"),
        (b'{"a": NaN}', "invalid JSON in the request body: "),
        (b'{"a": 1', "invalid JSON in the request body: "),
        (b"[" * 100_000, "invalid JSON in the request body: "),
        (b'{"a": ' + b"[" * 100_000, "invalid JSON in the request body: "),
        (b"\xef\xbb\xbf{}", "invalid JSON in the request body: "),
        (b" ", "invalid JSON in the request body: "),
    ],
)
def test_what_go_does_not_read_is_refused(body: bytes, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        object_from_body(body)
    assert refused.value.message.startswith(sentence)


@given(st.binary() | st.text().map(lambda text: b'{"a": "' + text.encode() + b'"}'))
def test_any_bytes_are_an_object_or_a_sentence(body: bytes) -> None:
    try:
        document = object_from_body(body)
    except InvalidArgument:
        return
    orjson.dumps(document)  # no half of a surrogate pair is left
