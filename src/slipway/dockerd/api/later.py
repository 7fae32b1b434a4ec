"""Routes of what this engine does not do yet: each says so, to any client."""

from slipway.base.errors import NotImplementedByEngine
from slipway.dockerd.api.routing import Call, Route
from slipway.transport.aio.http_messages import Answer

LATER = (
    ("POST", "/build", "building images"),
    ("POST", "/commit", "making images from containers"),
    ("GET", "/containers/{id:*}/export", "exporting containers"),
    ("GET", "/containers/{id:*}/archive", "copying from containers"),
    ("HEAD", "/containers/{id:*}/archive", "copying from containers"),
    ("PUT", "/containers/{id:*}/archive", "copying into containers"),
    ("GET", "/images/search", "searching for images"),
)


def routes() -> list[Route]:
    return [_route(*line) for line in LATER]


def _route(method: str, pattern: str, what: str) -> Route:
    async def refuse(call: Call) -> Answer:
        raise NotImplementedByEngine(f"{what} is not supported by this engine yet")

    return Route(method, pattern, refuse)
