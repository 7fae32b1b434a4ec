"""What follows when a container's first process has ended: collect, give back, record, then restart or remove."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import Final

from slipway.base.errors import EngineError, NotFound
from slipway.clients.containerd.tasks import Exit
from slipway.dockerd.containers.announce import announce, announce_network, announce_unmounts
from slipway.dockerd.containers.connect import disconnect
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.health.checks import end_health_checks
from slipway.dockerd.containers.lifecycle import Event, Status
from slipway.dockerd.containers.remove import remove_locked
from slipway.dockerd.containers.restart_policy import Ended, decide
from slipway.dockerd.containers.save_state import save_state
from slipway.dockerd.containers.start import start_locked, stream_plan

log = logging.getLogger(__name__)

DELETE_SECONDS: Final = 10.0


async def container_exited(environment: ContainerEnvironment, container: Container, ended: Exit) -> None:
    """Take the exit of a container that was running into account. Called once for each end of its first process."""
    async with container.lock:
        if not container.state.is_running:
            return
        if container.state.exit_is_known:  # an earlier daemon had it from the shim; what came since is a guess
            ended = Exit(exit_status=container.state.exit_code, exited_at=container.state.finished_at)
        end_health_checks(container)
        container.is_ending = True
        await _keep_exit(environment, container, ended)
        await asyncio.gather(_drain_and_delete(environment, container), _disconnect(environment, container))
        container.streams = environment.logs.streams()
        container.is_ending = False
        environment.logs.remove_fifos(stream_plan(environment, container))
        decision = decide(container.record.host_config.restart_policy, _ended(container, ended))
        restarts = decision.restart and not container.is_removing
        container.change(
            Event.EXIT_TO_RESTART if restarts else Event.EXIT,
            pid=0,
            exit_is_known=False,
            exit_code=ended.exit_status,
            finished_at=ended.exited_at,
            endpoint={},
            error="",
        )
        announce_network(environment, container, "disconnect")
        announce_unmounts(environment, container)
        duration = str(max(0, ended.exited_at - container.state.started_at) // 1_000_000_000)
        announce(environment, container, "die", exitCode=str(ended.exit_status), execDuration=duration)
        if restarts:
            container.restart_delay = decision.delay
            container.restart_task = environment.background.run(
                _restart_later(environment, container, decision.delay), f"restart of {container.id}"
            )
        elif container.record.host_config.auto_remove and not container.keeps_after_exit and not container.is_removing:
            await remove_locked(environment, container, remove_volumes=True)
            return
        await save_state(environment, container)


async def _keep_exit(environment: ContainerEnvironment, container: Container, ended: Exit) -> None:
    """Before the task goes: it alone knows the exit status if we die now. With --rm nobody will ask."""
    if container.record.host_config.auto_remove:
        return
    kept = replace(container.state, exit_is_known=True, exit_code=ended.exit_status, finished_at=ended.exited_at)
    await save_state(environment, container, kept)


async def _drain_and_delete(environment: ContainerEnvironment, container: Container) -> None:
    """The output first: what is unread when the task is deleted is lost, and a daemon after us finds the task again.

    Of a container that is being removed the log goes, too: nobody waits for its output.
    """
    await container.streams.drain(gives_up=lambda: container.is_removing)
    await _delete_task(environment, container)


def _ended(container: Container, ended: Exit) -> Ended:
    return Ended(
        exit_code=ended.exit_status,
        stopped_by_user=container.state.stopped_by_user,
        ran_seconds=(ended.exited_at - container.state.started_at) / 1e9,
        restarts=container.state.restart_count,
        last_delay=container.restart_delay,
    )


async def _delete_task(environment: ContainerEnvironment, container: Container) -> None:
    """Take the task and its shim away, then the record. A shim that does not answer is left to containerd."""
    try:
        async with asyncio.timeout(DELETE_SECONDS):
            with suppress(NotFound):
                await environment.containerd.tasks.delete(container.id)
            with suppress(NotFound):
                await environment.containerd.containers.delete(container.id)
            container.has_record = False
    except (EngineError, TimeoutError) as error:
        log.warning("cannot delete a task", extra={"fields": {"container": container.id, "error": str(error)}})


async def _disconnect(environment: ContainerEnvironment, container: Container) -> None:
    try:
        await disconnect(environment, container)
    except EngineError as error:
        log.warning("cannot disconnect", extra={"fields": {"container": container.id, "error": str(error)}})


async def _restart_later(environment: ContainerEnvironment, container: Container, delay: float) -> None:
    await asyncio.sleep(delay)
    async with container.lock:
        if container.state.status != Status.RESTARTING or container.state.stopped_by_user:
            return
        container.note(restart_count=container.state.restart_count + 1)
        await start_locked(environment, container)
