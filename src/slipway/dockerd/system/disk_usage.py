"""`docker system df`: containers, images and volumes, each measured by one reader at a time for all who ask."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from slipway.base.errors import NotFound
from slipway.dockerd.volumes.interface import Volume, Volumes

CONTAINERS: Final = "container"
IMAGES: Final = "image"
VOLUMES: Final = "volume"
BUILD_CACHE: Final = "build-cache"
KINDS: Final = (CONTAINERS, IMAGES, VOLUMES, BUILD_CACHE)


class MeasuresContainers(Protocol):
    """What is asked of containers."""

    async def usage(self) -> list[dict[str, Any]]:
        """All of them, as GET /containers/json has them with their sizes."""

    def image_users(self) -> Mapping[str, int]:
        """Image id → how many containers have it."""

    def volume_users(self, name: str) -> list[str]: ...


class MeasuresImages(Protocol):
    """What is asked of images."""

    async def disk_usage(self, users: Mapping[str, int]) -> tuple[int, list[dict[str, Any]]]:
        """Bytes of all layers, each once, and the images with their shared sizes and containers."""


class DiskUsage:
    """Walking volumes and snapshots costs the disk dearly: who asks while somebody else is told, is told the same."""

    def __init__(self, containers: MeasuresContainers, images: MeasuresImages, volumes: Volumes) -> None:
        self._containers = containers
        self._images = images
        self._volumes = volumes
        self._under_way: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def measure(self, kinds: Collection[str]) -> dict[str, Any]:
        """As GET /system/df; what is not among `kinds` is null."""
        ways: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
            CONTAINERS: self._measure_containers,
            IMAGES: self._measure_images,
            VOLUMES: self._measure_volumes,
        }
        document: dict[str, Any] = {"LayersSize": 0, "Images": None, "Containers": None, "Volumes": None}
        wanted = [self._shared(kind, ways[kind]) for kind in ways if kind in kinds]
        for part in await asyncio.gather(*wanted):
            document |= part
        return {**document, "BuildCache": [] if BUILD_CACHE in kinds else None}

    def _shared(self, kind: str, measure: Callable[[], Awaitable[dict[str, Any]]]) -> "asyncio.Future[dict[str, Any]]":
        task = self._under_way.get(kind)
        if task is None:
            task = asyncio.ensure_future(measure())
            self._under_way[kind] = task
            task.add_done_callback(lambda _: self._under_way.pop(kind))
        return asyncio.shield(task)

    async def _measure_containers(self) -> dict[str, Any]:
        documents = await self._containers.usage()
        for document in documents:
            document.pop("ImageManifestDescriptor", None)  # the original leaves it out here
        return {"Containers": documents}

    async def _measure_images(self) -> dict[str, Any]:
        total, documents = await self._images.disk_usage(self._containers.image_users())
        return {"LayersSize": total, "Images": documents}

    async def _measure_volumes(self) -> dict[str, Any]:
        found = []
        for volume in self._volumes.list():
            if volume.options:
                continue  # its files are mounted from elsewhere
            with suppress(NotFound):  # somebody has removed it meanwhile
                found.append(await self._measured(volume))
        return {"Volumes": found}

    async def _measured(self, volume: Volume) -> dict[str, Any]:
        size, users = await self._volumes.size(volume.name), self._containers.volume_users(volume.name)
        return {**volume.document(), "UsageData": {"Size": size, "RefCount": len(users)}}
