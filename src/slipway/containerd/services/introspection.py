"""containerd.services.introspection.v1"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from slipway.base.errors import NotFound
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.generated import introspection_pb2 as api
from slipway.contracts.containerd_api.generated import types_pb2
from slipway.contracts.containerd_api.types import Platform
from slipway.transport.aio.grpc_server import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of this daemon, under the name that the original's plugin of the same work has. `platform`: of one that
    is not for the machine's own."""

    type: str
    id: str
    requires: tuple[str, ...] = ()
    exports: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    has_platform: bool = False
    platform: Platform | None = None


class IntrospectionService:
    """`identity` is the daemon's own, kept in its data folder; `architecture` is Go's word for the machine's."""

    def __init__(self, parts: Sequence[Part], *, identity: str, architecture: str) -> None:
        self._parts = parts
        self._identity = identity
        self._platform = types_pb2.Platform(os="linux", architecture=architecture)

    async def plugins(self, call: Call, request: Any) -> Any:
        wanted = filters_from_texts(request.filters)
        found = [part for part in self._parts if wanted.matches(partial(_field, part))]
        return api.PluginsResponse(plugins=[self._message(part) for part in found])

    async def server(self, call: Call, request: Any) -> Any:
        namespace = os.stat("/proc/self/ns/pid").st_ino
        return api.ServerResponse(uuid=self._identity, pid=os.getpid(), pidns=namespace)

    async def plugin_info(self, call: Call, request: Any) -> Any:
        for part in self._parts:
            if (part.type, part.id) == (request.type, request.id):
                return api.PluginInfoResponse(plugin=self._message(part))
        raise NotFound(f"plugin {request.type}.{request.id}: not found")

    def _message(self, part: Part) -> api.Plugin:
        return api.Plugin(
            type=part.type,
            id=part.id,
            requires=part.requires,
            platforms=[self._platform_of(part)] if part.has_platform else [],
            exports=part.exports,
            capabilities=part.capabilities,
        )

    def _platform_of(self, part: Part) -> types_pb2.Platform:
        if part.platform is None:
            return self._platform
        platform = part.platform
        return types_pb2.Platform(os=platform.os, architecture=platform.architecture, variant=platform.variant)


def _field(part: Part, path: tuple[str, ...]) -> str | None:
    match path:
        case ("type",):
            return part.type
        case ("id",):
            return part.id
        case ("capabilities", *names):
            return ".".join(names) if ".".join(names) in part.capabilities else None
        case ("exports", *key):
            return field_of_map(part.exports, tuple(key))
    return None
