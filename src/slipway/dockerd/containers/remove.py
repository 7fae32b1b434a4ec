"""`docker rm`: everything of a container goes; what names outlive it (named volumes) stays."""

import asyncio
import logging
import shutil
from contextlib import suppress

from slipway.base.errors import EngineError, FailedPrecondition, NotFound
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.kill import kill_and_wait
from slipway.dockerd.containers.lifecycle import Event, Status
from slipway.dockerd.containers.settled import start_settled
from slipway.dockerd.volumes.model import ANONYMOUS_LABEL

log = logging.getLogger(__name__)


async def remove(environment: ContainerEnvironment, container: Container, *, force: bool, remove_volumes: bool) -> None:
    """Raises FailedPrecondition for a container that runs, unless `force`: then it is killed."""
    if container.is_removing:
        raise FailedPrecondition(f"removal of container {container.id} is already in progress")
    await start_settled(container)
    status = container.state.status
    if (container.state.is_running or status == Status.RESTARTING) and not force:
        advice = (
            " and must be unpaused first"
            if status == Status.PAUSED
            else ": stop the container before removing or force remove"
        )
        raise FailedPrecondition(f'cannot remove container "{container.name}": container is {status.value}{advice}')
    container.is_removing = True
    try:
        if container.state.is_running or status == Status.RESTARTING:
            await kill_and_wait(environment, container)
        async with container.lock:
            await remove_locked(environment, container, remove_volumes=remove_volumes)
    finally:
        container.is_removing = False


async def remove_locked(environment: ContainerEnvironment, container: Container, *, remove_volumes: bool) -> None:
    """The removal itself, with the lock held and no process left. A crash leaves no half container.

    The client hears of the end when the container is gone from every list, and its volumes with it; folders are deleted
    beside each other.
    """
    if container.removed.is_set():
        return
    container.change(Event.REMOVE)
    try:
        await asyncio.gather(
            _remove_record(environment, container),
            _remove_files(environment, container.id),
        )
    except (EngineError, OSError) as error:
        container.change(Event.REMOVE_FAILED, error=str(error))
        raise
    environment.registry.remove(container)
    try:
        if remove_volumes:
            await _remove_anonymous_volumes(environment, container)
        announce(environment, container, "destroy")
    finally:
        container.mark_removed()


async def _remove_files(environment: ContainerEnvironment, container_id: str) -> None:
    """The configuration first: once that has gone, the next daemon takes the rest for what it is."""
    await asyncio.to_thread(environment.store.forget, container_id)
    await asyncio.gather(
        _remove_snapshot(environment, container_id), asyncio.to_thread(_remove_folders, environment, container_id)
    )


def _remove_folders(environment: ContainerEnvironment, container_id: str) -> None:
    environment.store.remove(container_id)
    shutil.rmtree(environment.run_folder(container_id), ignore_errors=True)


async def _remove_record(environment: ContainerEnvironment, container: Container) -> None:
    if container.has_record:
        with suppress(NotFound):
            await environment.containerd.containers.delete(container.id)


async def _remove_snapshot(environment: ContainerEnvironment, container_id: str) -> None:
    with suppress(NotFound):
        await environment.containerd.snapshots.remove(container_id)


async def _remove_anonymous_volumes(environment: ContainerEnvironment, container: Container) -> None:
    used = {point.name for other in environment.registry for point in other.record.mount_points if point.name}
    for point in container.record.mount_points:
        if point.name and point.name not in used:
            with suppress(NotFound):
                volume = environment.volumes.get(point.name)
                if ANONYMOUS_LABEL in (volume.labels or {}):
                    await environment.volumes.remove(point.name)
