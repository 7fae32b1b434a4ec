"""containerd.services.images.v1"""

import asyncio
from typing import Any

from google.protobuf.empty_pb2 import Empty

from slipway.base.errors import InvalidArgument
from slipway.containerd.collection.interface import Collection
from slipway.containerd.images.interface import ImageStore
from slipway.containerd.images.model import Image
from slipway.containerd.services.messages import descriptor_from_message, descriptor_message, nanoseconds, timestamp
from slipway.containerd.services.scope import scope_of
from slipway.contracts.containerd_api.generated import images_pb2 as api
from slipway.transport.aio.grpc_server import Call


class ImagesService:
    """A synchronous delete answers when the bytes are gone, too; any other has them go soon."""

    def __init__(self, store: ImageStore, collection: Collection) -> None:
        self._store = store
        self._collection = collection

    async def get(self, call: Call, request: Any) -> Any:
        image = self._store.get(scope_of(call), request.name)
        return api.GetImageResponse(image=_message(image))

    async def list(self, call: Call, request: Any) -> Any:
        found = await asyncio.to_thread(self._store.list, scope_of(call), list(request.filters))
        return api.ListImagesResponse(images=map(_message, found))

    async def create(self, call: Call, request: Any) -> Any:
        image = _named(request.image)
        created = await asyncio.to_thread(self._store.create, scope_of(call), image, at=_epoch(request))
        return api.CreateImageResponse(image=_message(created))

    async def update(self, call: Call, request: Any) -> Any:
        image, masks = _named(request.image), [*request.update_mask.paths]
        updated = await asyncio.to_thread(self._store.update, scope_of(call), image, masks, at=_epoch(request))
        return api.UpdateImageResponse(image=_message(updated))

    async def delete(self, call: Call, request: Any) -> Any:
        scope = scope_of(call)
        await asyncio.to_thread(self._store.delete, scope, request.name, target=request.target.digest)
        if request.sync:
            await self._collection.collect()
        else:
            self._collection.collect_soon()
        return Empty()


def _named(message: api.Image) -> Image:
    """The image of a request, which has to name it."""
    if not message.name:
        raise InvalidArgument("Image.Name required")
    return Image(name=message.name, target=descriptor_from_message(message.target), labels=dict(message.labels))


def _epoch(request: Any) -> int | None:
    """The time that a reproducible build gives its image, in nanoseconds; None for now."""
    return nanoseconds(request.source_date_epoch) if request.HasField("source_date_epoch") else None


def _message(image: Image) -> api.Image:
    return api.Image(
        name=image.name,
        labels=image.labels,
        target=descriptor_message(image.target),
        created_at=timestamp(image.created_at),
        updated_at=timestamp(image.updated_at),
    )
