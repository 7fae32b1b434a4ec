"""Routes of volumes."""

from collections.abc import Callable

from slipway.base.errors import FailedPrecondition, InvalidArgument, NotFound
from slipway.contracts.engine_api.filters import Filters
from slipway.contracts.engine_api.schema import decode
from slipway.contracts.engine_api.volumes import VolumeRequest
from slipway.dockerd.api.prune_gate import PruneGate
from slipway.dockerd.api.routing import Call, Route, empty_response, json_response
from slipway.dockerd.volumes.interface import Volume, Volumes
from slipway.dockerd.volumes.model import ANONYMOUS_LABEL
from slipway.transport.aio.http_messages import Answer

FILTERS = frozenset(("dangling", "driver", "label", "name"))
PRUNE_FILTERS = frozenset(("all", "label", "label!"))


class VolumeRoutes:
    """`users` tells which containers use a volume."""

    def __init__(self, backend: Volumes, users: Callable[[str], list[str]]) -> None:
        self._backend = backend
        self._users = users
        self._gate = PruneGate()

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/volumes", self.list_volumes),
            Route("POST", "/volumes/create", self.create),
            Route("POST", "/volumes/prune", self.prune, least="1.25"),
            Route("GET", "/volumes/{name}", self.inspect),
            Route("DELETE", "/volumes/{name}", self.remove),
        ]

    async def list_volumes(self, call: Call) -> Answer:
        filters = _list_filters(call)
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
        if (users := self._users(name)) or self._backend.is_held(name):
            raise FailedPrecondition(f"remove {name}: volume is in use - [{', '.join(users)}]")
        await self._backend.remove(name)
        return empty_response()

    async def prune(self, call: Call) -> Answer:
        with self._gate.pass_alone():
            filters = _prune_filters(call)
            found = [each.name for each in self._backend.list() if filters.passes_labels(each.labels)]
            removed = await self._backend.prune(found, lambda name: bool(self._users(name)))
        return json_response({"VolumesDeleted": list(removed), "SpaceReclaimed": 0})

    def _passes(self, volume: Volume, filters: Filters) -> bool:
        if not (filters.equals("driver", "local") and filters.matches("name", volume.name)):
            return False
        if "dangling" in filters and filters.boolean("dangling") == bool(self._users(volume.name)):
            return False
        return filters.has_labels(volume.labels)


def _list_filters(call: Call) -> Filters:
    """Raises InvalidArgument, also where there is no volume that a value could be held against."""
    try:
        filters = call.query.filters()
    except InvalidArgument as error:
        raise InvalidArgument(f"error reading volume filters: {error.message}") from error
    filters.check_names(FILTERS)
    filters.boolean("dangling")
    return filters


def _prune_filters(call: Call) -> Filters:
    """Those for labels; without `all` only anonymous volumes are meant, since API 1.42. Raises InvalidArgument."""
    filters = call.query.filters()
    if call.version < (1, 42):
        filters = filters.adding("all", "true")
    everything = filters.single_boolean("all")
    filters.check_names(PRUNE_FILTERS)
    return filters if everything else filters.adding("label", ANONYMOUS_LABEL)
