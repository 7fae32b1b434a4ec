"""The size of a terminal, of a container or of an exec."""

from slipway.base.errors import FailedPrecondition
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.execs.model import Exec
from slipway.dockerd.containers.settled import start_settled


async def resize(environment: ContainerEnvironment, container: Container, height: int, width: int) -> None:
    """Raises FailedPrecondition unless it runs."""
    await start_settled(container)
    if not container.state.is_running:
        raise FailedPrecondition(f"container {container.id} is not running")
    await environment.containerd.tasks.resize(container.id, "", width, height)
    announce(environment, container, "resize", height=str(height), width=str(width))


async def resize_exec(environment: ContainerEnvironment, one: Exec, height: int, width: int) -> None:
    """A client asks at once after the start: an exec that is on its way there takes the size when it runs."""
    if one.exit_code is not None:
        raise FailedPrecondition(f"exec {one.id} has ended")
    await one.streams.wait_stdin()
    await environment.containerd.tasks.resize(one.container_id, one.id, width, height)
