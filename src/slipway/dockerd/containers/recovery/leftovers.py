"""What a crash left in containerd that no container of ours stands for: found by its id, and taken away.

Only what bears an id as we make them is looked at: others may use the namespace, too.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from slipway.base.errors import EngineError, NotFound
from slipway.base.identifiers import is_full_id
from slipway.clients.containerd.tasks import ProcessStatus
from slipway.dockerd.containers.environment import ContainerEnvironment

log = logging.getLogger(__name__)

END_SECONDS: Final = 10.0


async def remove_leftover_tasks(environment: ContainerEnvironment, tasks: Mapping[str, ProcessStatus]) -> None:
    """End the tasks whose start or removal never came to its end: their containers do not run, or are gone."""
    await asyncio.gather(*(_remove_if_left(environment, each) for each in tasks if is_full_id(each)))


async def remove_leftover_records(environment: ContainerEnvironment) -> None:
    """Remove containerd's records and snapshots of containers that are not there. Not while any is being created."""
    containerd = environment.containerd
    for container_id in await containerd.containers.ids():
        if _is_left(environment, container_id):
            await _logged(containerd.containers.delete(container_id), container_id)
    for key in await containerd.snapshots.keys():
        if _is_left(environment, key):
            await _logged(containerd.snapshots.remove(key), key)


def _is_left(environment: ContainerEnvironment, container_id: str) -> bool:
    return is_full_id(container_id) and environment.registry.get(container_id) is None


async def _remove_if_left(environment: ContainerEnvironment, container_id: str) -> None:
    container = environment.registry.get(container_id)
    if container is None:
        await _logged(end_task(environment, container_id), container_id)
        return
    if not container.state.is_running:
        async with container.lock:  # a start that is under way owns the task
            if not container.state.is_running:
                await _logged(end_task(environment, container_id), container_id)


async def end_task(environment: ContainerEnvironment, container_id: str) -> None:
    """Kill a task and take it away, with containerd's record. One that is gone is fine. Raises EngineError."""
    containerd = environment.containerd
    try:
        with suppress(NotFound):
            await containerd.tasks.kill(container_id, 9, everyone=True)
        async with asyncio.timeout(END_SECONDS):
            with suppress(NotFound):
                await containerd.tasks.wait(container_id)
        with suppress(NotFound):
            await containerd.tasks.delete(container_id)
        with suppress(NotFound):
            await containerd.containers.delete(container_id)
    except TimeoutError:
        log.error("a task that nobody owns does not end", extra={"fields": {"container": container_id}})


async def _logged(work, container_id: str) -> None:  # type: ignore[no-untyped-def]
    try:
        await work
        log.info("removed what a crash had left", extra={"fields": {"container": container_id}})
    except EngineError as error:
        fields = {"container": container_id, "error": str(error)}
        log.error("cannot remove what a crash has left", extra={"fields": fields})
