"""What the API's system routes need, answered from the nouns."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from slipway.clients.containerd.calls import Connection
from slipway.contracts.engine_api.filters import Filters
from slipway.dockerd.containers.interface import CountsContainers
from slipway.dockerd.events.interface import Events
from slipway.dockerd.events.model import Event
from slipway.dockerd.images.interface import Images
from slipway.dockerd.system.info import ask_containerd, info_document, version_document
from slipway.dockerd.system.model import DaemonIdentity
from slipway.dockerd.volumes.interface import Volumes


class SystemService:
    """Counts, versions, events."""

    def __init__(
        self,
        identity: DaemonIdentity,
        connection: Connection,
        *,
        containers: CountsContainers,
        images: Images,
        volumes: Volumes,
        events: Events,
        now: Callable[[], int],
    ) -> None:
        """`connection` to containerd; `now` in nanoseconds."""
        self._identity = identity
        self._connection = connection
        self._containers = containers
        self._images = images
        self._volumes = volumes
        self._events = events
        self._now = now

    async def version(self) -> dict[str, Any]:
        return await version_document(self._connection)

    async def info(self) -> dict[str, Any]:
        listeners, images = self._events.listeners, await self._images.count()
        counts = {**self._containers.counts(), "images": images, "listeners": listeners}
        version, revision = await ask_containerd(self._connection)
        return await asyncio.to_thread(info_document, self._identity, revision or version, counts, self._now())

    def events(self, *, since: int, until: int) -> AsyncIterator[Event]:
        return self._events.listen(since=since, until=until)

    async def disk_usage(self) -> dict[str, Any]:
        images = await self._images.select(Filters())
        return {
            "LayersSize": sum(image["Size"] for image in images),
            "Images": images,
            "Containers": [],
            "Volumes": [volume.document() for volume in self._volumes.list()],
            "BuildCache": [],
        }
