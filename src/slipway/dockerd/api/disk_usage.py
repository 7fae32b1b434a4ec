"""The route of `docker system df`."""

from collections.abc import Collection
from typing import Any, Protocol

from slipway.base.errors import InvalidArgument
from slipway.dockerd.api.routing import Call, Route, json_response
from slipway.dockerd.system.disk_usage import KINDS
from slipway.transport.aio.http_messages import Answer


class Backend(Protocol):
    """What this route needs."""

    async def measure(self, kinds: Collection[str]) -> dict[str, Any]:
        """As GET /system/df; what is not among `kinds` is null."""


class DiskUsageRoutes:
    """Measures what is asked for, or all."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        return [Route("GET", "/system/df", self.disk_usage, least="1.25")]

    async def disk_usage(self, call: Call) -> Answer:
        document = await self._backend.measure(asked_kinds(call))
        if call.version < (1, 44) and document["Images"] is not None:
            document["Images"] = [{**image, "VirtualSize": image["Size"]} for image in document["Images"]]
        return json_response(document)


def asked_kinds(call: Call) -> Collection[str]:
    """`type`, as often as it is given; older clients did not have it. Raises InvalidArgument."""
    if call.version < (1, 42) or not call.query.has("type"):
        return KINDS
    kinds = call.query.texts("type")
    for kind in kinds:
        if kind not in KINDS:
            raise InvalidArgument(f"unknown object type: {kind}")
    return kinds
