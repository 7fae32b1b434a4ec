"""The orderly end of a daemon without live-restore: every container is stopped, as the original does by default."""

import asyncio
import logging
from typing import Final

from slipway.base.errors import EngineError
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.save_state import save_state
from slipway.dockerd.containers.stop import seconds_to_stop, stop

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 5.0  # beyond the longest stop timeout, for what follows an exit


async def stop_all(environment: ContainerEnvironment) -> None:
    """Stop what runs, all at once, each with its own signal and timeout. What cannot be stopped is logged and left.

    It does not count as stopped by the user: restart policies act when the daemon is back.
    """
    containers = [
        each for each in environment.registry if each.state.is_running or each.state.status == Status.RESTARTING
    ]
    if not containers:
        return
    timeouts = [seconds_to_stop(container, None) for container in containers]
    limit = None if min(timeouts) < 0 else max(timeouts) + GRACE_SECONDS
    stops = [asyncio.ensure_future(_stop(environment, container)) for container in containers]
    _, late = await asyncio.wait(stops, timeout=limit)
    for one in late:
        one.cancel()
    if late:
        log.error("%d containers did not stop in time; they are left running", len(late))
        await asyncio.wait(late)


async def _stop(environment: ContainerEnvironment, container: Container) -> None:
    exits = container.exits
    container.stops_with_daemon = True
    try:
        if await stop(environment, container, timeout=None):
            await container.wait_exit_handled(exits)
    except EngineError as error:
        log.error("cannot stop a container", extra={"fields": {"container": container.id, "error": str(error)}})
        return
    if not container.removed.is_set():
        container.note(stopped_by_user=False)
        await save_state(environment, container)
