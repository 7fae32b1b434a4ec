"""Makes the volumes and folders that a new container mounts."""

import asyncio
import os
from contextlib import AsyncExitStack, ExitStack

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.mounts import MountPoint
from slipway.dockerd.containers.files.mount_points import WantedMount
from slipway.dockerd.volumes.interface import Volumes


async def make_mount_points(
    wanted: list[WantedMount], volumes: Volumes, held: ExitStack, undo: AsyncExitStack
) -> tuple[MountPoint, ...]:
    """Mount points in the order of `wanted`. Raises InvalidArgument when a folder of the host is missing.

    `undo` takes anonymous volumes away again. Those with a name stay: another container may use them meanwhile.
    Until `held` closes nobody removes them.
    """
    return tuple([await _make(mount, volumes, held, undo) for mount in wanted])


async def _make(mount: WantedMount, volumes: Volumes, held: ExitStack, undo: AsyncExitStack) -> MountPoint:
    if not mount.is_volume:
        await asyncio.to_thread(_check_source, mount)
        return MountPoint(
            type="bind",
            source=mount.source,
            destination=mount.destination,
            mode=mount.mode,
            rw=mount.writable,
            propagation=mount.propagation,
        )
    volume = await volumes.create(
        mount.volume, mount.volume_labels, mount.volume_options, mount.volume_driver, held=held
    )
    if not mount.volume:
        undo.push_async_callback(volumes.remove, volume.name)
    return MountPoint(
        type="volume",
        name=volume.name,
        source=volume.mountpoint,
        destination=mount.destination,
        driver="local",
        mode=mount.mode,
        rw=mount.writable,
    )


def _check_source(mount: WantedMount) -> None:
    if os.path.exists(mount.source):
        return
    if not mount.makes_source:
        raise InvalidArgument(f'invalid mount config for type "bind": bind source path does not exist: {mount.source}')
    try:
        os.makedirs(mount.source, mode=0o755, exist_ok=True)
    except OSError as error:
        raise InvalidArgument(f"error while creating mount source path '{mount.source}': {error.strerror}") from error
