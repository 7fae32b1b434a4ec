"""What the API's system routes need, answered from the nouns."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.events.interface import Events
from slipway.dockerd.events.model import Event
from slipway.dockerd.images.service import ImageService
from slipway.dockerd.system.info import ask_containerd, info_document, version_document
from slipway.dockerd.system.model import DaemonIdentity


class SystemService:
    """Counts, versions, events."""

    def __init__(
        self, identity: DaemonIdentity, environment: ContainerEnvironment, images: ImageService, events: Events
    ) -> None:
        self._identity = identity
        self._environment = environment
        self._images = images
        self._events = events

    async def version(self) -> dict[str, Any]:
        return await version_document(self._environment.containerd.connection)

    async def info(self) -> dict[str, Any]:
        statuses = [container.state.status for container in self._environment.registry]
        counts = {
            "containers": len(statuses),
            "running": statuses.count(Status.RUNNING) + statuses.count(Status.RESTARTING),
            "paused": statuses.count(Status.PAUSED),
            "images": await self._images.count(),
            "listeners": self._events.listeners,
        }
        counts["stopped"] = counts["containers"] - counts["running"] - counts["paused"]
        version, revision = await ask_containerd(self._environment.containerd.connection)
        now = self._environment.clock.now()
        return await asyncio.to_thread(info_document, self._identity, revision or version, counts, now)

    def events(self, *, since: int, until: int) -> AsyncIterator[Event]:
        return self._events.listen(since=since, until=until)

    async def disk_usage(self) -> dict[str, Any]:
        images = await self._images.select({})
        return {
            "LayersSize": sum(image["Size"] for image in images),
            "Images": images,
            "Containers": [],
            "Volumes": [volume.document() for volume in self._environment.volumes.list()],
            "BuildCache": [],
        }

    def used_images(self) -> dict[str, str]:
        """Image id → a container that has it."""
        return {container.record.image_id: container.id for container in self._environment.registry}

    def volume_users(self, name: str) -> list[str]:
        """The containers that use a volume."""
        return [
            container.id
            for container in self._environment.registry
            if any(point.name == name for point in container.record.mount_points)
        ]
