"""`docker pause` and `docker unpause`: the freezer."""

from typing import Final

from slipway.base.errors import EngineError, FailedPrecondition
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.lifecycle import Event, Status
from slipway.dockerd.containers.save_state import save_state

LOOK_SECONDS: Final = 5.0
# What the shim says, where it differs from what we know: a daemon died between the freezing and the note of it.
_MISSED: Final = {("paused", Status.RUNNING): Event.PAUSE, ("running", Status.PAUSED): Event.UNPAUSE}


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
        await _note(environment, container, Event.PAUSE)


async def unpause(environment: ContainerEnvironment, container: Container) -> None:
    """Raises FailedPrecondition unless it is paused."""
    async with container.lock:
        if container.state.status != Status.PAUSED:
            raise FailedPrecondition(f"Container {container.id} is not paused")
        await environment.containerd.tasks.resume(container.id)
        await _note(environment, container, Event.UNPAUSE)


async def settle_pause(environment: ContainerEnvironment, container: Container, told: str) -> None:
    """Take over that a task is `told` to be paused, or to run, if that is news and still so."""
    if (told, container.state.status) not in _MISSED:
        return
    async with container.lock:
        try:
            task = await environment.containerd.tasks.get(container.id, timeout=LOOK_SECONDS)
        except EngineError:
            return  # whoever looks for ends finds out
        if (missed := _MISSED.get((task.status, container.state.status))) is not None:
            await _note(environment, container, missed)


async def _note(environment: ContainerEnvironment, container: Container, event: Event) -> None:
    container.change(event)
    await save_state(environment, container)
    announce(environment, container, event.value)
