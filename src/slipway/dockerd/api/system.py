"""Routes of the daemon itself: ping, version, info, events, login."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import orjson

from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.contracts.engine_api.versions import NEWEST
from slipway.dockerd.api.routing import JSON, Call, Route, json_response
from slipway.dockerd.events.model import Event, is_wanted
from slipway.transport.aio.http_messages import Answer, Response, StreamResponse

EVENT_FILTERS = frozenset(
    ("config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret")
) | {"service", "type", "volume"}


class Backend(Protocol):
    """What these routes need."""

    async def version(self) -> dict[str, Any]: ...
    async def info(self) -> dict[str, Any]: ...
    def events(self, *, since: int, until: int) -> AsyncIterator[Event]: ...


class SystemRoutes:
    """Answers without a container."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        return [
            Route("OPTIONS", "/", self.options),
            Route("OPTIONS", "/{path:*}", self.options),
            Route("GET", "/_ping", self.ping),
            Route("HEAD", "/_ping", self.ping),
            Route("GET", "/version", self.version),
            Route("GET", "/info", self.info),
            Route("GET", "/events", self.events),
            Route("POST", "/auth", self.login),
        ]

    async def options(self, call: Call) -> Answer:
        return Response()

    async def ping(self, call: Call) -> Answer:
        headers = {
            "Builder-Version": "1",
            "Cache-Control": "no-cache, no-store, must-revalidate",
            "Pragma": "no-cache",
            "Swarm": "inactive",
            "Content-Type": "text/plain; charset=utf-8",
        }
        return Response(headers=headers, body=b"" if call.method == "HEAD" else b"OK")

    async def version(self, call: Call) -> Answer:
        return json_response(await self._backend.version())

    async def info(self, call: Call) -> Answer:
        return json_response(await self._backend.info())

    async def events(self, call: Call) -> Answer:
        query = call.query
        filters = query.filters()
        filters.check_names(EVENT_FILTERS)
        since, until = query.time("since"), query.time("until")
        if since and until and until < since:
            raise InvalidArgument("`since` time cannot be after `until` time")
        events = self._backend.events(since=since, until=until)

        async def body() -> AsyncIterator[bytes]:
            async for event in events:
                if is_wanted(event, filters):
                    yield orjson.dumps(event.document()) + b"\n"

        return StreamResponse(chunks=body(), headers=JSON)

    async def login(self, call: Call) -> Answer:
        await call.json_if_any()
        raise NotImplementedByEngine("login through the daemon is not supported by this engine yet")


def common_headers(server: str) -> dict[str, str]:
    """What every answer carries."""
    return {
        "Api-Version": str(NEWEST),
        "Docker-Experimental": "false",
        "Ostype": "linux",
        "Server": server,
    }
