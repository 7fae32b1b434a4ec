"""`docker pause` and `docker unpause`: the freezer."""

import asyncio

from slipway.base.errors import FailedPrecondition
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.lifecycle import Event, Status


async def pause(environment: ContainerEnvironment, container: Container) -> None:
    """Raises FailedPrecondition unless it runs."""
    async with container.lock:
        if container.state.status == Status.PAUSED:
            raise FailedPrecondition(f"Container {container.id} is already paused")
        if container.state.status == Status.RESTARTING:
            raise FailedPrecondition(f"Container {container.id} is restarting, wait until the container is running")
        if not container.state.is_running:
            raise FailedPrecondition(f"container {container.id} is not running")
        await environment.containerd.tasks.pause(container.id)
        container.change(Event.PAUSE)
        await asyncio.to_thread(environment.store.save_state, container.id, container.state)
    announce(environment, container, "pause")


async def unpause(environment: ContainerEnvironment, container: Container) -> None:
    """Raises FailedPrecondition unless it is paused."""
    async with container.lock:
        if container.state.status != Status.PAUSED:
            raise FailedPrecondition(f"Container {container.id} is not paused")
        await environment.containerd.tasks.resume(container.id)
        container.change(Event.UNPAUSE)
        await asyncio.to_thread(environment.store.save_state, container.id, container.state)
    announce(environment, container, "unpause")
