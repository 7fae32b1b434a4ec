"""containerd.services.sandbox.v1: the records of sandboxes, and their controllers."""

import asyncio
from collections.abc import Mapping
from typing import Any as AnyValue

from google.protobuf.any_pb2 import Any

from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.identifiers import check_identifier
from slipway.containerd.containers.model import TypedValue
from slipway.containerd.metadata.model import Scope
from slipway.containerd.sandboxes.interface import SandboxController
from slipway.containerd.sandboxes.model import Sandbox, SandboxRequest
from slipway.containerd.sandboxes.store import SandboxStore
from slipway.containerd.services.messages import mounts_from_messages, timestamp
from slipway.containerd.services.scope import scope_of
from slipway.contracts.containerd_api.generated import sandbox_pb2 as api
from slipway.contracts.containerd_api.generated import types_pb2
from slipway.contracts.containerd_api.generated.sandbox_types_pb2 import Sandbox as SandboxMessage
from slipway.transport.aio.grpc_server import Call


class SandboxStoreService:
    def __init__(self, store: SandboxStore) -> None:
        self._store = store

    async def create(self, call: Call, request: AnyValue) -> AnyValue:
        created = await asyncio.to_thread(self._store.create, scope_of(call), _from_message(request.sandbox))
        return api.StoreCreateResponse(sandbox=_message(created))

    async def update(self, call: Call, request: AnyValue) -> AnyValue:
        sandbox, masks = _from_message(request.sandbox), [*request.fields]
        updated = await asyncio.to_thread(self._store.update, scope_of(call), sandbox, masks)
        return api.StoreUpdateResponse(sandbox=_message(updated))

    async def delete(self, call: Call, request: AnyValue) -> AnyValue:
        await asyncio.to_thread(self._store.delete, scope_of(call), request.sandbox_id)
        return api.StoreDeleteResponse()

    async def list(self, call: Call, request: AnyValue) -> AnyValue:
        found = await asyncio.to_thread(self._store.list, scope_of(call), [*request.filters])
        return api.StoreListResponse(list=map(_message, found))

    async def get(self, call: Call, request: AnyValue) -> AnyValue:
        sandbox = self._store.get(scope_of(call), request.sandbox_id)
        return api.StoreGetResponse(sandbox=_message(sandbox))


class SandboxControllerService:
    """`controllers` by the name that a request gives as its sandboxer."""

    def __init__(self, controllers: Mapping[str, SandboxController]) -> None:
        self._controllers = controllers

    async def create(self, call: Call, request: AnyValue) -> AnyValue:
        controller, scope = self._named(call, request)
        sandbox = _asked(request.sandbox_id, request.sandbox)
        wanted = SandboxRequest(
            rootfs=mounts_from_messages(request.rootfs),
            options=_typed(request.options),
            netns_path=request.netns_path,
            annotations=dict(request.annotations),
        )
        await controller.create(scope, sandbox, wanted)
        return api.ControllerCreateResponse(sandbox_id=sandbox.id)

    async def start(self, call: Call, request: AnyValue) -> AnyValue:
        controller, scope = self._named(call, request)
        started = await controller.start(scope, request.sandbox_id)
        return api.ControllerStartResponse(
            sandbox_id=request.sandbox_id,
            pid=started.pid,
            created_at=timestamp(started.created_at),
            address=started.address,
            version=started.version,
        )

    async def platform(self, call: Call, request: AnyValue) -> AnyValue:
        controller, scope = self._named(call, request)
        found = await controller.platform(scope, request.sandbox_id)
        platform = types_pb2.Platform(os=found.os, architecture=found.architecture, variant=found.variant)
        return api.ControllerPlatformResponse(platform=platform)

    async def stop(self, call: Call, request: AnyValue) -> AnyValue:
        controller, scope = self._named(call, request)
        await controller.stop(scope, request.sandbox_id, request.timeout_secs)
        return api.ControllerStopResponse()

    async def wait(self, call: Call, request: AnyValue) -> AnyValue:
        controller, scope = self._named(call, request)
        end = await controller.wait(scope, request.sandbox_id)
        return api.ControllerWaitResponse(exit_status=end.exit_status, exited_at=timestamp(end.exited_at))

    async def status(self, call: Call, request: AnyValue) -> AnyValue:
        controller, scope = self._named(call, request)
        status = await controller.status(scope, request.sandbox_id, verbose=request.verbose)
        return api.ControllerStatusResponse(
            sandbox_id=status.id,
            pid=status.pid,
            state=status.state,
            info=status.info,
            created_at=timestamp(status.created_at),
            exited_at=timestamp(status.exited_at),
            extra=_any(status.extra),
            address=status.address,
            version=status.version,
        )

    async def shutdown(self, call: Call, request: AnyValue) -> AnyValue:
        controller, scope = self._named(call, request)
        await controller.shutdown(scope, request.sandbox_id)
        return api.ControllerShutdownResponse()

    async def metrics(self, call: Call, request: AnyValue) -> AnyValue:
        controller, scope = self._named(call, request)
        found = await controller.metrics(scope, request.sandbox_id)
        if not found.timestamp:
            return api.ControllerMetricsResponse()
        metric = types_pb2.Metric(id=found.id, timestamp=timestamp(found.timestamp), data=_any(found.data))
        return api.ControllerMetricsResponse(metrics=metric)

    async def update(self, call: Call, request: AnyValue) -> AnyValue:
        controller, scope = self._named(call, request)
        if not request.HasField("sandbox"):
            raise InvalidArgument(f"update sandbox {request.sandbox_id}: there is no sandbox in the request")
        await controller.update(scope, _asked(request.sandbox_id, request.sandbox), [*request.fields])
        return api.ControllerUpdateResponse()

    def _named(self, call: Call, request: AnyValue) -> tuple[SandboxController, Scope]:
        """Raises InvalidArgument for a request without a sandboxer, NotFound for one that is not there."""
        scope = scope_of(call)
        if not request.sandboxer:
            raise InvalidArgument("sandbox controller name can not be empty")
        controller = self._controllers.get(request.sandboxer)
        if controller is None:
            known = ", ".join(sorted(self._controllers))
            raise NotFound(f"sandbox controller {request.sandboxer!r}: not found", f"there are {known}")
        return controller, scope


def _asked(sandbox_id: str, message: SandboxMessage) -> Sandbox:
    """The sandbox of a request that may name it twice. Raises InvalidArgument for two names."""
    if message.sandbox_id and sandbox_id and message.sandbox_id != sandbox_id:
        raise InvalidArgument(f"sandbox {sandbox_id}: the request says {message.sandbox_id}, too")
    return _from_message(message, sandbox_id)


def _from_message(message: SandboxMessage, sandbox_id: str = "") -> Sandbox:
    return Sandbox(
        id=check_identifier(message.sandbox_id or sandbox_id, "sandbox id"),
        runtime_name=message.runtime.name,
        runtime_options=_typed(message.runtime.options),
        spec=_typed(message.spec),
        sandboxer=message.sandboxer,
        labels=dict(message.labels),
        extensions={name: _typed(value) for name, value in message.extensions.items()},
    )


def _message(sandbox: Sandbox) -> SandboxMessage:
    message = SandboxMessage(
        sandbox_id=sandbox.id,
        labels=sandbox.labels,
        sandboxer=sandbox.sandboxer,
        created_at=timestamp(sandbox.created_at),
        updated_at=timestamp(sandbox.updated_at),
    )
    message.runtime.name = sandbox.runtime_name
    if sandbox.runtime_options:
        message.runtime.options.CopyFrom(_any(sandbox.runtime_options))
    if sandbox.spec:
        message.spec.CopyFrom(_any(sandbox.spec))
    for name, value in sandbox.extensions.items():
        message.extensions[name].CopyFrom(_any(value))
    return message


def _typed(value: Any) -> TypedValue:
    return TypedValue(value.type_url, value.value)


def _any(typed: TypedValue) -> Any:
    return Any(type_url=typed.type_url, value=typed.value)
