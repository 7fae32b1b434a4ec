"""Routes of containers that answer with a document: create, list, inspect and the verbs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from slipway.base.errors import InvalidArgument, PermissionDenied
from slipway.base.identifiers import integer_from_text
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.create_request import create_request_from_document
from slipway.contracts.engine_api.filters import Filters
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.networks import EndpointSettings
from slipway.contracts.engine_api.schema import decode
from slipway.contracts.engine_api.versions import ApiVersion
from slipway.dockerd.api.platforms import platform_from_text
from slipway.dockerd.api.prune_gate import PruneGate
from slipway.dockerd.api.routing import Call, Route, empty_response, json_response
from slipway.transport.aio.http_messages import Answer


class Backend(Protocol):
    """What these routes need. `reference` is an id, a name, or the beginning of an id; each method raises NotFound."""

    async def create(
        self,
        name: str,
        config: ContainerConfig,
        host: HostConfig,
        networks: Mapping[str, EndpointSettings],
        platform: Platform | None,
    ) -> tuple[str, list[str]]:
        """Id and warnings."""

    async def select(self, *, everything: bool, limit: int, filters: Filters) -> list[dict[str, Any]]: ...
    def inspect(self, reference: str) -> dict[str, Any]: ...
    async def sizes(self, reference: str) -> dict[str, int]:
        """SizeRw and SizeRootFs, in bytes."""

    async def changes(self, reference: str) -> list[dict[str, Any]]: ...
    async def start(self, reference: str) -> bool:
        """Whether it had to be started."""

    async def stop(self, reference: str, timeout: int | None, signal: str) -> bool: ...
    async def restart(self, reference: str, timeout: int | None, signal: str) -> None: ...
    async def kill(self, reference: str, signal: str) -> None: ...
    async def pause(self, reference: str) -> None: ...
    async def unpause(self, reference: str) -> None: ...
    async def rename(self, reference: str, name: str) -> None: ...
    async def remove(self, reference: str, *, force: bool, volumes: bool) -> None: ...
    async def update(self, reference: str, host: HostConfig) -> list[str]: ...
    async def resize(self, reference: str, height: int, width: int) -> None: ...
    async def top(self, reference: str, arguments: str) -> dict[str, Any]: ...
    async def prune(self, filters: Filters) -> dict[str, Any]: ...


class ContainerRoutes:
    """Decodes, asks the backend, encodes."""

    def __init__(self, backend: Backend, gate: PruneGate) -> None:
        self._backend = backend
        self._gate = gate

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/containers/create", self.create),
            Route("POST", "/containers/prune", self.prune, least="1.25"),
            Route("GET", "/containers/json", self.list),
            Route("GET", "/containers/{id:*}/json", self.inspect),
            Route("GET", "/containers/{id:*}/top", self.top),
            Route("GET", "/containers/{id:*}/changes", self.changes),
            Route("POST", "/containers/{id:*}/start", self.start),
            Route("POST", "/containers/{id:*}/stop", self.stop),
            Route("POST", "/containers/{id:*}/restart", self.restart),
            Route("POST", "/containers/{id:*}/kill", self.kill),
            Route("POST", "/containers/{id:*}/pause", self.pause),
            Route("POST", "/containers/{id:*}/unpause", self.unpause),
            Route("POST", "/containers/{id:*}/rename", self.rename),
            Route("POST", "/containers/{id:*}/resize", self.resize),
            Route("POST", "/containers/{id:*}/update", self.update),
            Route("DELETE", "/containers/{id:*}", self.remove),
        ]

    async def create(self, call: Call) -> Answer:
        request = create_request_from_document(await call.json())
        config = request.config
        if not config.image and not config.cmd and not config.entrypoint:
            raise InvalidArgument("config cannot be empty in order to create a container")
        host = _host_config_of_old_client(request.host_config, call.version)
        platform = platform_from_text(call.query.text("platform")) if call.version >= (1, 41) else None
        name = call.query.text("name")
        container_id, warnings = await self._backend.create(name, config, host, request.networks, platform)
        return json_response({"Id": container_id, "Warnings": warnings}, 201)

    async def list(self, call: Call) -> Answer:
        query = call.query
        limit = query.integer("limit", low=-1, high=1 << 31, default=-1)
        documents = await self._backend.select(
            everything=query.boolean("all"), limit=limit if limit is not None else -1, filters=query.filters()
        )
        if query.boolean("size"):
            for document in documents:
                document |= await self._backend.sizes(document["Id"])
        return json_response(documents)

    async def inspect(self, call: Call) -> Answer:
        document = self._backend.inspect(call.names["id"])
        if call.query.boolean("size"):
            document |= await self._backend.sizes(document["Id"])
        return json_response(document)

    async def top(self, call: Call) -> Answer:
        return json_response(await self._backend.top(call.names["id"], call.query.text("ps_args")))

    async def changes(self, call: Call) -> Answer:
        return json_response(await self._backend.changes(call.names["id"]) or None)

    async def start(self, call: Call) -> Answer:
        # A body (HostConfig) was allowed before 1.24 and is refused since.
        if await call.body.read_all(BODY_OF_START_LIMIT):
            raise InvalidArgument("starting container with non-empty request body was deprecated since API v1.22")
        if call.query.text("checkpoint"):
            raise InvalidArgument("checkpoint is only supported in experimental mode")
        if call.query.text("checkpoint-dir"):
            raise PermissionDenied("custom checkpointdir is not supported")
        return empty_response(204 if await self._backend.start(call.names["id"]) else 304)

    async def stop(self, call: Call) -> Answer:
        stopped = await self._backend.stop(call.names["id"], _timeout(call), call.query.text("signal"))
        return empty_response(204 if stopped else 304)

    async def restart(self, call: Call) -> Answer:
        await self._backend.restart(call.names["id"], _timeout(call), call.query.text("signal"))
        return empty_response()

    async def kill(self, call: Call) -> Answer:
        await self._backend.kill(call.names["id"], call.query.text("signal"))
        return empty_response()

    async def pause(self, call: Call) -> Answer:
        await self._backend.pause(call.names["id"])
        return empty_response()

    async def unpause(self, call: Call) -> Answer:
        await self._backend.unpause(call.names["id"])
        return empty_response()

    async def rename(self, call: Call) -> Answer:
        await self._backend.rename(call.names["id"], call.query.text("name"))
        return empty_response()

    async def resize(self, call: Call) -> Answer:
        height, width = window_size(call)
        await self._backend.resize(call.names["id"], height, width)
        return empty_response(200)

    async def update(self, call: Call) -> Answer:
        host = decode(HostConfig, await call.json_if_any(), "config")
        return json_response({"Warnings": await self._backend.update(call.names["id"], host)})

    async def remove(self, call: Call) -> Answer:
        query = call.query
        if query.boolean("link"):
            raise InvalidArgument("links between containers are not supported by this engine")
        await self._backend.remove(call.names["id"], force=query.boolean("force"), volumes=query.boolean("v"))
        return empty_response()

    async def prune(self, call: Call) -> Answer:
        with self._gate.pass_alone():
            return json_response(await self._backend.prune(call.query.filters()))


BODY_OF_START_LIMIT = 64 * 1024


def window_size(call: Call) -> tuple[int, int]:
    """(height, width) of the query. Raises InvalidArgument."""
    height = integer_from_text(call.query.text("h"), "h", high=65535)
    width = integer_from_text(call.query.text("w"), "w", high=65535)
    return height, width


def _timeout(call: Call) -> int | None:
    return call.query.integer("t", low=-1, high=1 << 31)


def _host_config_of_old_client(host: HostConfig, version: ApiVersion) -> HostConfig:
    """What an old client did not know keeps the meaning that it had then."""
    if version < (1, 40) and not host.ipc_mode:
        host = replace(host, ipc_mode="shareable")
    if version < (1, 25):
        host = replace(host, auto_remove=False)
    if version < (1, 42):
        host = replace(host, console_size=(0, 0))
    return replace(host, annotations=None) if version < (1, 43) else host
