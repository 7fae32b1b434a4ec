"""A container's root file system, as mounts: a writable snapshot on its image's layers, made, found, or made again."""

import asyncio
import logging

from slipway.base.errors import NotFound
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.contracts.containerd_api.types import Mount, Platform
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.files.own_files import add_own_files
from slipway.dockerd.images.model import NamedImage

log = logging.getLogger(__name__)


async def prepare_snapshot(
    environment: ContainerEnvironment, container_id: str, image: NamedImage
) -> tuple[Mount, ...]:
    """Make a container's writable layer. An image that is not unpacked, is first. Raises NotFound, AlreadyExists.

    A label keeps it from containerd's collector until the container is removed.
    """
    snapshots, chain_id = environment.containerd.snapshots, image.content.chain_id
    label = {"containerd.io/gc.root": rfc3339_from_nanoseconds(environment.clock.now())}
    try:
        return await snapshots.prepare(container_id, chain_id, label)
    except NotFound:
        if not image.names:
            raise
    await environment.containerd.transfer.unpack(image.names[0], _platform(image))
    return await snapshots.prepare(container_id, chain_id, label)


async def find_snapshot(environment: ContainerEnvironment, container: Container) -> tuple[Mount, ...]:
    """The mounts of a container that was created earlier.

    A power cut may have taken the snapshot of one that was created just before: it gets a new one. Raises NotFound when
    its image is gone, too.
    """
    if container.mounts:
        return container.mounts
    try:
        return await environment.containerd.snapshots.mounts(container.id)
    except NotFound as error:
        missing = error
    try:
        image = await environment.images.find_for_container(container.record.image_id)
    except NotFound:
        raise missing from None
    log.warning("a container's files are gone: it starts with its image's", extra={"fields": {"id": container.id}})
    mounts = await prepare_snapshot(environment, container.id, image)
    await asyncio.to_thread(add_own_files, mounts)
    return mounts


def _platform(image: NamedImage) -> Platform:
    document = image.content.document
    names = {name: str(document.get(name, "")) for name in ("os", "architecture", "variant")}
    return Platform(**names)
