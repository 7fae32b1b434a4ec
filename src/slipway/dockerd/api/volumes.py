"""Routes of volumes."""

from collections.abc import Callable, Mapping

from slipway.base.errors import FailedPrecondition, InvalidArgument, NotFound
from slipway.contracts.engine_api.schema import decode
from slipway.contracts.engine_api.volumes import VolumeRequest
from slipway.dockerd.api.routing import Call, Route, empty_response, json_response
from slipway.dockerd.containers.list_containers import has_labels
from slipway.dockerd.volumes.interface import Volume, Volumes
from slipway.dockerd.volumes.model import ANONYMOUS_LABEL
from slipway.transport.aio.http_messages import Answer

FILTERS = frozenset(("dangling", "driver", "label", "name"))


class VolumeRoutes:
    """`users` tells which containers use a volume."""

    def __init__(self, backend: Volumes, users: Callable[[str], list[str]]) -> None:
        self._backend = backend
        self._users = users

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/volumes", self.list_volumes),
            Route("POST", "/volumes/create", self.create),
            Route("POST", "/volumes/prune", self.prune, least="1.25"),
            Route("GET", "/volumes/{name}", self.inspect),
            Route("DELETE", "/volumes/{name}", self.remove),
        ]

    async def list_volumes(self, call: Call) -> Answer:
        filters = call.query.filters()
        for name in filters:
            if name not in FILTERS:
                raise InvalidArgument(f"invalid filter '{name}'")
        found = [volume.document() for volume in self._backend.list() if self._passes(volume, filters)]
        return json_response({"Volumes": found, "Warnings": None})

    async def create(self, call: Call) -> Answer:
        request = decode(VolumeRequest, await call.json_if_any(), "volume")
        if request.driver not in ("", "local"):
            raise NotFound(f'error looking up volume plugin {request.driver}: plugin "{request.driver}" not found')
        volume = await self._backend.create(request.name, request.labels, request.driver_opts)
        return json_response(volume.document(), 201)

    async def inspect(self, call: Call) -> Answer:
        return json_response(self._backend.get(call.names["name"]).document())

    async def remove(self, call: Call) -> Answer:
        name = call.names["name"]
        try:
            self._backend.get(name)
        except NotFound:
            if call.query.boolean("force"):
                return empty_response()
            raise
        if users := self._users(name):
            raise FailedPrecondition(f"remove {name}: volume is in use - [{', '.join(users)}]")
        await self._backend.remove(name)
        return empty_response()

    async def prune(self, call: Call) -> Answer:
        filters = call.query.filters()
        everything = "true" in filters.get("all", ()) or call.version < (1, 42)
        removed = []
        for volume in self._backend.list():
            anonymous = ANONYMOUS_LABEL in (volume.labels or {})
            if self._users(volume.name) or not (anonymous or everything):
                continue
            if has_labels(volume.labels or {}, filters.get("label", ())):
                removed.append(volume.name)
        await self._backend.prune(removed)
        return json_response({"VolumesDeleted": removed or None, "SpaceReclaimed": 0})

    def _passes(self, volume: Volume, filters: Mapping[str, list[str]]) -> bool:
        if (names := filters.get("name")) and not any(name in volume.name for name in names):
            return False
        if (drivers := filters.get("driver")) and "local" not in drivers:
            return False
        if (dangling := filters.get("dangling")) and (dangling[0] in ("1", "true")) == bool(self._users(volume.name)):
            return False
        return has_labels(volume.labels or {}, filters.get("label", ()))
