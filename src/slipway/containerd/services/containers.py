"""containerd.services.containers.v1"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any as AnyValue

from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty

from slipway.base.errors import InvalidArgument
from slipway.containerd.containers.changes import has_reserved_labels, without_labels_of_image
from slipway.containerd.containers.interface import ImageLabels
from slipway.containerd.containers.model import Container, TypedValue
from slipway.containerd.containers.store import ContainerStore
from slipway.containerd.metadata.model import Scope
from slipway.containerd.services.messages import timestamp
from slipway.containerd.services.scope import scope_of
from slipway.contracts.containerd_api.generated import containers_pb2 as api
from slipway.transport.aio.grpc_server import Call

log = logging.getLogger(__name__)


class ContainersService:
    def __init__(self, store: ContainerStore, image_labels: ImageLabels) -> None:
        self._store = store
        self._image_labels = image_labels

    async def get(self, call: Call, request: AnyValue) -> AnyValue:
        container = self._store.get(scope_of(call), request.id)
        return api.GetContainerResponse(container=_message(container))

    async def list(self, call: Call, request: AnyValue) -> AnyValue:
        found = await asyncio.to_thread(self._store.list, scope_of(call), list(request.filters))
        return api.ListContainersResponse(containers=map(_message, found))

    async def list_stream(self, call: Call, request: AnyValue) -> AsyncIterator[AnyValue]:
        for container in await asyncio.to_thread(self._store.list, scope_of(call), [*request.filters]):
            yield api.ListContainerMessage(container=_message(container))

    async def create(self, call: Call, request: AnyValue) -> AnyValue:
        scope, container = scope_of(call), _from_message(request.container)
        if container.image and has_reserved_labels(container):
            container = await asyncio.to_thread(self._trusted, scope, container)
        created = await asyncio.to_thread(self._store.create, scope, container)
        return api.CreateContainerResponse(container=_message(created))

    async def update(self, call: Call, request: AnyValue) -> AnyValue:
        if not request.container.id:
            raise InvalidArgument("Container.ID required")
        container, masks = _from_message(request.container), [*request.update_mask.paths]
        updated = await asyncio.to_thread(self._store.update, scope_of(call), container, masks)
        return api.UpdateContainerResponse(container=_message(updated))

    async def delete(self, call: Call, request: AnyValue) -> AnyValue:
        await asyncio.to_thread(self._store.delete, scope_of(call), request.id)
        return Empty()

    def _trusted(self, scope: Scope, container: Container) -> Container:
        """Without what a client has copied from the image: an image gives no orders."""
        trusted = without_labels_of_image(container, self._image_labels.of(scope, container.image))
        for key in sorted(container.labels.keys() - trusted.labels.keys()):
            log.warning(
                "label dropped: it comes from the image, or nobody can tell, and is reserved for containerd",
                extra={"fields": {"id": container.id, "image": container.image, "label": key}},
            )
        return trusted


def _from_message(message: api.Container) -> Container:
    return Container(
        id=message.id,
        image=message.image,
        runtime_name=message.runtime.name,
        runtime_options=_typed(message.runtime.options),
        spec=_typed(message.spec),
        snapshotter=message.snapshotter,
        snapshot_key=message.snapshot_key,
        sandbox=message.sandbox,
        labels=dict(message.labels),
        extensions={name: _typed(value) for name, value in message.extensions.items()},
    )


def _message(container: Container) -> api.Container:
    message = api.Container(
        id=container.id,
        labels=container.labels,
        image=container.image,
        snapshotter=container.snapshotter,
        snapshot_key=container.snapshot_key,
        created_at=timestamp(container.created_at),
        updated_at=timestamp(container.updated_at),
        sandbox=container.sandbox,
    )
    message.runtime.name = container.runtime_name
    if container.spec:
        message.spec.CopyFrom(_any(container.spec))
    if container.runtime_options:
        message.runtime.options.CopyFrom(_any(container.runtime_options))
    for name, value in container.extensions.items():
        message.extensions[name].CopyFrom(_any(value))
    return message


def _typed(value: Any) -> TypedValue:
    return TypedValue(value.type_url, value.value)


def _any(typed: TypedValue) -> Any:
    return Any(type_url=typed.type_url, value=typed.value)
