"""GET /containers/{id}/attach/ws: which streams are asked for, what is refused, and what travels.

Facts of moby 28.5: api/server/router/container/container_routes.go (wsContainersAttach), container/stream/attach.go.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from slipway.base.errors import FailedPrecondition, NotFound
from slipway.dockerd.api.attach_ws import AttachWebSocketRoutes
from slipway.dockerd.api.routing import Router
from slipway.dockerd.containers.streams.attach_container import AttachRequest
from slipway.transport.aio.http_messages import Answer, BodyStream, Hijack, RawStream, Request, Response

HANDSHAKE = {
    "host": "localhost:2375",
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
}


class Backend:
    """One container, `web`; `asked` is what was last asked of it."""

    def __init__(self, *, open_stdin: bool = True, paused: bool = False) -> None:
        self._open_stdin = open_stdin
        self._paused = paused
        self.asked: AttachRequest | None = None

    def takes_stdin(self, reference: str) -> bool:
        if reference != "web":
            raise NotFound(f"No such container: {reference}")
        return self._open_stdin

    def prepare_attach(self, reference: str, request: AttachRequest) -> Callable[[RawStream], Awaitable[None]]:
        if self._paused:
            raise FailedPrecondition(f"container {reference} is paused, unpause the container before attach")
        self.asked = request

        async def serve(stream: RawStream) -> None:
            while data := await stream.read():
                await stream.write(data)

        return serve


def ask(backend: Backend, target: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
    async def answer() -> Answer:
        stream = BodyStream(lambda: None, lambda: None)
        stream.feed_end()
        wanted = HANDSHAKE if headers is None else headers
        request = Request(method=method, target=target.encode(), headers=wanted, body=stream, keeps_alive=True)
        return await Router(AttachWebSocketRoutes(backend).routes(), {"Server": "us"}).handle(request)

    return asyncio.run(answer())


def refusal(answer: Answer) -> tuple[int, str]:
    assert isinstance(answer, Response)
    return answer.status, orjson.loads(answer.body)["message"]


class Raw:
    """A client that sends `said` and stays. `written` is what it was sent."""

    def __init__(self, *said: bytes) -> None:
        self._said = list(said)
        self.written = b""

    async def read(self) -> bytes:
        if not self._said:
            await asyncio.Event().wait()
        return self._said.pop(0)

    async def write(self, data: bytes) -> None:
        self.written += data

    def close_sending(self) -> None:
        raise AssertionError("nothing is malformed")

    async def wait_lost(self) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("target", "streams"),
    [
        ("/v1.51/containers/web/attach/ws?stream=1", set()),
        ("/v1.51/containers/web/attach/ws?stream=1&stdout=1", {"stdout"}),
        ("/v1.42/containers/web/attach/ws?stream=1&stdin=1&stderr=true", {"stdin", "stderr"}),
        ("/v1.41/containers/web/attach/ws?stream=1", {"stdin", "stdout", "stderr"}),
        ("/v1.41/containers/web/attach/ws?stream=1&stdin=0&stdout=0", {"stdin", "stdout", "stderr"}),
        ("/v1.51/containers/web/attach/ws?stdin=1&stdout=1&logs=1", {"stdout"}),
    ],
)
def test_streams_are_what_is_asked_for_and_once_were_all(target: str, streams: set[str]) -> None:
    backend = Backend()
    assert isinstance(ask(backend, target), Hijack)
    asked = backend.asked
    assert asked is not None
    assert {name for name in ("stdin", "stdout", "stderr") if getattr(asked, name)} == streams
    assert asked.stream is ("stream=1" in target)
    assert asked.logs is ("logs=1" in target)


def test_output_has_no_heads_and_detach_keys_are_passed_on() -> None:
    backend = Backend()
    ask(backend, "/containers/web/attach/ws?stream=1&detachKeys=ctrl-a")
    assert backend.asked is not None
    assert backend.asked.multiplexed is False
    assert backend.asked.detach_keys == "ctrl-a"


def test_who_has_no_stdin_is_not_asked_to_read() -> None:
    backend = Backend(open_stdin=False)
    ask(backend, "/containers/web/attach/ws?stream=1&stdin=1")
    assert backend.asked is not None
    assert not backend.asked.stdin


@pytest.mark.parametrize(
    ("version", "frame"), [("1.51", b"\x82\x02hi"), ("1.28", b"\x82\x02hi"), ("1.27", b"\x81\x02hi")]
)
def test_messages_are_binary_since_1_28(version: str, frame: bytes) -> None:
    answer = ask(Backend(), f"/v{version}/containers/web/attach/ws?stream=1&stdin=1&stdout=1")
    assert isinstance(answer, Hijack)
    raw = Raw(b"\x81\x82\0\0\0\0hi", b"\x88\x80\0\0\0\0")
    asyncio.run(_serve(answer, raw))
    assert raw.written == frame + b"\x88\x00"


async def _serve(answer: Hijack, raw: Any) -> None:
    await answer.serve(raw)


def test_the_container_is_looked_for_first() -> None:
    assert refusal(ask(Backend(), "/v1.51/containers/nobody/attach/ws", headers={})) == (
        404,
        "No such container: nobody",
    )
    paused = "container web is paused, unpause the container before attach"
    assert refusal(ask(Backend(paused=True), "/containers/web/attach/ws", headers={})) == (409, paused)


def test_the_handshake_is_answered() -> None:
    answer = ask(Backend(), "/containers/web/attach/ws?stream=1")
    assert isinstance(answer, Hijack)
    assert answer.switch is not None
    assert answer.switch["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize("missing", ["connection", "upgrade", "sec-websocket-key", "sec-websocket-version"])
def test_what_is_no_handshake_is_refused(missing: str) -> None:
    headers = {name: text for name, text in HANDSHAKE.items() if name != missing}
    answer = ask(Backend(), "/containers/web/attach/ws?stream=1", headers)
    assert refusal(answer)[0] == 400
    assert isinstance(answer, Response)
    assert (answer.headers.get("Sec-WebSocket-Version") == "13") is (missing == "sec-websocket-version")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:2375", "localhost:2375"),
        ("http://localhost", "engine.example:2375"),  # Go's clients must name one, and name this
        ("http://127.0.0.1:8080", "engine.example:2375"),
        ("http://[::1]:8080", "engine.example:2375"),
        ("http://ENGINE.example", "engine.example:2375"),
        ("https://[2001:db8::1]:443", "[2001:db8::1]:2375"),
    ],
)
def test_a_page_of_this_engine_s_own_host_may_attach(origin: str, host: str) -> None:
    headers = {**HANDSHAKE, "origin": origin, "host": host}
    assert isinstance(ask(Backend(), "/containers/web/attach/ws?stream=1", headers), Hijack)


@pytest.mark.parametrize("host", ["localhost:2375", "", "["])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "file://", "http://localhost.evil.example", "http://["]
)
def test_a_page_of_another_host_may_not(origin: str, host: str) -> None:
    """Browsers ask no leave before they open a WebSocket: whoever visits a page would give it his containers."""
    headers = {**HANDSHAKE, "origin": origin, "host": host}
    status, message = refusal(ask(Backend(), "/containers/web/attach/ws?stream=1", headers))
    assert status == 403
    assert origin in message
