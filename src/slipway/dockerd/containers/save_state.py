"""Keeps the state of a container for the next daemon, also where disk or descriptors have run out for a while."""

import asyncio
import logging
from typing import Final

from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.model import ContainerState

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 2.0


async def save_state(
    environment: ContainerEnvironment, container: Container, state: ContainerState | None = None
) -> None:
    """Write `state`, or the present one. Surviving a crash of this process, not a power cut.

    What cannot be written is told in the log, once, and tried again until it can: a full disk must keep nobody from
    stopping a container, nor hide that one has ended.
    """
    try:
        await asyncio.to_thread(environment.store.save_state, container.id, state or container.state)
    except OSError as error:
        if not container.is_unsaved:
            container.is_unsaved = True
            fields = {"container": container.id, "error": str(error)}
            log.error("cannot save a container's state; trying again", extra={"fields": fields})
            environment.background.run(_save_later(environment, container), f"state of {container.id}")


async def _save_later(environment: ContainerEnvironment, container: Container) -> None:
    while container.is_unsaved:
        await asyncio.sleep(RETRY_SECONDS)
        async with container.lock:
            if container.removed.is_set():
                return
            try:
                await asyncio.to_thread(environment.store.save_state, container.id, container.state)
            except OSError:
                continue
            container.is_unsaved = False
