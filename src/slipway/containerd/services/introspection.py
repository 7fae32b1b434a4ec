"""containerd.services.introspection.v1"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyProto

from slipway.base.errors import FailedPrecondition, InvalidArgument, NotFound, NotImplementedByEngine
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.generated import introspection_pb2 as api
from slipway.contracts.containerd_api.generated.types_pb2 import Platform
from slipway.contracts.containerd_api.status import UNKNOWN
from slipway.contracts.shim_api.introspection import RUNTIME_INFO_TYPE, RUNTIME_REQUEST_TYPE, RuntimeRequest
from slipway.transport.aio.grpc_server import Call
from slipway.wire.protobuf import DecodeError, decode, encode

RUNTIMES: Final = "io.containerd.runtime.v2.task"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of this daemon, under the name that the original's plugin of the same work has. `platforms` are
    those that it is for, where that matters."""

    type: str
    id: str
    exports: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    error: str = ""

    @property
    def name(self) -> str:
        return f"{self.type}.{self.id}"


RuntimeInfo = Callable[[str, bytes], Awaitable[bytes]]
"""An encoded RuntimeInfo of the runtime of a name and encoded options. Raises EngineError."""


class IntrospectionService:
    """`identity` is the daemon's own, kept in its data folder. A part with an `error` did not start."""

    def __init__(self, parts: Sequence[Part], *, identity: str, runtime_info: RuntimeInfo) -> None:
        self._parts = parts
        self._identity = identity
        self._runtime_info = runtime_info

    async def plugins(self, call: Call, request: Any) -> Any:
        wanted = filters_from_texts(request.filters)
        found = [part for part in self._parts if wanted.matches(partial(_field, part))]
        return api.PluginsResponse(plugins=[self._message(part) for part in found])

    async def server(self, call: Call, request: Any) -> Any:
        namespace = os.stat("/proc/self/ns/pid").st_ino
        return api.ServerResponse(uuid=self._identity, pid=os.getpid(), pidns=namespace)

    async def plugin_info(self, call: Call, request: Any) -> Any:
        """With options, the part's own word on them, too: the runtimes' only."""
        part = next((part for part in self._parts if (part.type, part.id) == (request.type, request.id)), None)
        if part is None:
            raise NotFound(f"plugin {request.type}.{request.id}: not found")
        response = api.PluginInfoResponse(plugin=self._message(part))
        if request.HasField("options"):
            if part.error:
                raise FailedPrecondition(f"plugin {part.name}: cannot get extra info, it is not successfully loaded")
            if part.name != RUNTIMES:
                raise NotImplementedByEngine(f"plugin {part.name}: it does not provide extra information")
            response.extra.CopyFrom(await self._runtime(request.options))
        return response

    async def _runtime(self, options: Any) -> AnyProto:
        if options.type_url.rpartition("/")[2] != RUNTIME_REQUEST_TYPE:
            raise NotImplementedByEngine(f"plugin {RUNTIMES}: unknown request type {options.type_url!r}")
        try:
            asked = decode(RuntimeRequest, options.value)
        except DecodeError as error:
            raise InvalidArgument(f"decode {RUNTIME_REQUEST_TYPE}: {error}") from None
        options_of_tasks = encode(asked.options) if asked.options is not None else b""
        info = await self._runtime_info(asked.runtime_path, options_of_tasks)
        return AnyProto(type_url=RUNTIME_INFO_TYPE, value=info)

    def _message(self, part: Part) -> api.Plugin:
        return api.Plugin(
            type=part.type,
            id=part.id,
            platforms=map(_platform, part.platforms),
            exports=part.exports,
            capabilities=part.capabilities,
            init_err=api.Status(code=UNKNOWN, message=part.error) if part.error else None,
        )


def _platform(text: str) -> Platform:
    system, architecture, variant, *_ = (*text.split("/"), "", "")
    return Platform(os=system, architecture=architecture, variant=variant)


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
