"""The route that attaches over a WebSocket: for programs that speak nothing else, browsers before all."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol
from urllib.parse import urlsplit

from slipway.base.errors import InvalidArgument, PermissionDenied
from slipway.dockerd.api.routing import Call, Route, error_response
from slipway.dockerd.containers.streams.attach_container import AttachRequest
from slipway.transport.aio.http_messages import Answer, Hijack, RawStream, Response
from slipway.transport.aio.websocket import serve_websocket
from slipway.wire.websocket import HandshakeError, handshake

LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))


class Backend(Protocol):
    """What this route needs. Each raises NotFound."""

    def takes_stdin(self, reference: str) -> bool: ...
    def prepare_attach(self, reference: str, request: AttachRequest) -> Callable[[RawStream], Awaitable[None]]:
        """Refuses before the hijack; the result serves the client."""


class AttachWebSocketRoutes:
    """Output is never multiplexed: each message is a piece of it, of whichever stream."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        return [Route("GET", "/containers/{id:*}/attach/ws", self.attach)]

    async def attach(self, call: Call) -> Answer:
        """What is wrong with the container is said before what is wrong with the handshake, as in the original."""
        request = attach_request(call, takes_stdin=self._backend.takes_stdin(call.names["id"]))
        serve = self._backend.prepare_attach(call.names["id"], request)
        check_origin(call.headers)
        try:
            switch = handshake(call.headers)
        except HandshakeError as error:
            return _refused(error)
        text = call.version < (1, 28)

        async def over(raw: RawStream) -> None:
            await serve_websocket(raw, serve, takes_input=request.stdin, text=text)

        return Hijack(serve=over, switch=switch)


def attach_request(call: Call, *, takes_stdin: bool) -> AttachRequest:
    """Before 1.42 nobody was asked for streams: it was all three of them."""
    query, everything = call.query, call.version < (1, 42)
    return AttachRequest(
        stdin=(everything or query.boolean("stdin")) and takes_stdin and query.boolean("stream"),
        stdout=everything or query.boolean("stdout"),
        stderr=everything or query.boolean("stderr"),
        stream=query.boolean("stream"),
        logs=query.boolean("logs"),
        detach_keys=query.text("detachKeys"),
        multiplexed=False,
        ends_with_input=True,
    )


def check_origin(headers: Mapping[str, str]) -> None:
    """Refuse the page of another site: a browser asks it no leave before it opens a WebSocket to an engine that it can
    reach, and the engine has no password. The original lets it. Programs that make up an origin say localhost, or the
    host that they ask. Raises PermissionDenied.
    """
    origin = headers.get("origin", "")
    own = LOOPBACK | {_host(f"//{headers.get('host', '')}")}
    if origin and (not _host(origin) or _host(origin) not in own):
        raise PermissionDenied(f"attach over a websocket: a page of {origin} may not use this engine")


def _host(address: str) -> str:
    """In lower case, without port; "" where there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _refused(error: HandshakeError) -> Response:
    response = error_response(InvalidArgument(str(error)))
    return replace(response, headers={**response.headers, **error.headers})
