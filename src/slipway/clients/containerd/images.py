"""containerd's image service: names for descriptors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from slipway.clients.containerd.calls import Connection, nanoseconds_from_timestamp, service_methods
from slipway.contracts.containerd_api.generated import images_pb2, types_pb2
from slipway.contracts.containerd_api.types import Descriptor

METHODS: Final = service_methods(images_pb2.DESCRIPTOR, "Images")


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A name and what it names; `updated_at` in nanoseconds since the epoch."""

    name: str
    target: Descriptor
    labels: Mapping[str, str]
    created_at: int = 0
    updated_at: int = 0


class Images:
    """Calls of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, name: str) -> Image:
        """Raises NotFound."""
        reply = await self._connection.call(METHODS["get"], images_pb2.GetImageRequest(name=name))
        return _image(reply.image)

    async def list(self, *filters: str) -> list[Image]:
        """The images that one of `filters` matches; all without any."""
        reply = await self._connection.call(METHODS["list"], images_pb2.ListImagesRequest(filters=filters))
        return [_image(image) for image in reply.images]

    async def create(self, image: Image) -> None:
        """Raises AlreadyExists."""
        await self._connection.call(METHODS["create"], images_pb2.CreateImageRequest(image=_message(image)))

    async def replace(self, image: Image) -> None:
        """Let the name of `image` name its target, whatever it named before. Raises NotFound."""
        await self._connection.call(METHODS["update"], images_pb2.UpdateImageRequest(image=_message(image)))

    async def delete(self, name: str, *, wait_for_collection: bool = False) -> None:
        """Raises NotFound. `wait_for_collection`: return when what only this name held is gone."""
        request = images_pb2.DeleteImageRequest(name=name, sync=wait_for_collection)
        await self._connection.call(METHODS["delete"], request)


def descriptor_from_message(message: Any) -> Descriptor:
    return Descriptor(
        media_type=message.media_type,
        digest=message.digest,
        size=message.size,
        annotations=dict(message.annotations),
    )


def descriptor_message(descriptor: Descriptor) -> types_pb2.Descriptor:
    return types_pb2.Descriptor(
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        annotations=dict(descriptor.annotations),
    )


def _image(message: Any) -> Image:
    return Image(
        name=message.name,
        target=descriptor_from_message(message.target),
        labels=dict(message.labels),
        created_at=nanoseconds_from_timestamp(message.created_at),
        updated_at=nanoseconds_from_timestamp(message.updated_at),
    )


def _message(image: Image) -> images_pb2.Image:
    return images_pb2.Image(name=image.name, labels=dict(image.labels), target=descriptor_message(image.target))
