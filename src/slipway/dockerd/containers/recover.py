"""What a new dockerd does with the containers of an earlier one: adopt those that run, settle those that ended."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace

from slipway.base.errors import EngineError, NotFound
from slipway.base.identifiers import is_full_id
from slipway.clients.containerd.tasks import Exit
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.exits import container_exited
from slipway.dockerd.containers.lifecycle import Event, Status
from slipway.dockerd.containers.log_files import open_log
from slipway.dockerd.containers.remove import remove_locked
from slipway.dockerd.containers.restart_policy import starts_with_daemon
from slipway.dockerd.containers.start import start_locked, stream_plan
from slipway.dockerd.containers.watch import LOOK_SECONDS
from slipway.dockerd.networks.interface import EndpointRecord

log = logging.getLogger(__name__)


def load(environment: ContainerEnvironment) -> list[EndpointRecord]:
    """Fill the registry from disk; the endpoints that containers had. Blocks on the disk."""
    endpoints = []
    for record, state in environment.store.load():
        if state.status in (Status.REMOVING, Status.DEAD):
            state = replace(state, status=Status.EXITED)
        environment.registry.add(Container(record, state))
        if state.endpoint:
            endpoints.append(EndpointRecord.from_document(state.endpoint))
    return endpoints


async def recover(environment: ContainerEnvironment) -> None:
    """Settle every container, all at once; one that fails is logged and left as it was. Then clear what nobody owns."""
    await asyncio.gather(*(_recover_quietly(environment, container) for container in environment.registry))


async def sweep(environment: ContainerEnvironment) -> None:
    """Remove from containerd what creations and removals of an earlier dockerd left behind: it has an id of ours, and
    no container has it."""
    containerd = environment.containerd
    for container_id in await containerd.containers.ids():
        if is_full_id(container_id) and environment.registry.get(container_id) is None:
            log.info("removing a rest", extra={"fields": {"container": container_id}})
            with suppress(EngineError):
                await containerd.tasks.kill(container_id, 9)
            with suppress(EngineError):
                await containerd.tasks.delete(container_id)
            with suppress(EngineError):
                await containerd.containers.delete(container_id)
    for key in await containerd.snapshots.keys():
        if is_full_id(key) and environment.registry.get(key) is None:
            with suppress(EngineError):
                await containerd.snapshots.remove(key)


async def _recover_quietly(environment: ContainerEnvironment, container: Container) -> None:
    try:
        await _recover(environment, container)
    except (EngineError, OSError) as error:
        fields = {"container": container.id, "error": str(error)}
        log.error("cannot recover a container", extra={"fields": fields})


async def _recover(environment: ContainerEnvironment, container: Container) -> None:
    was = container.state.status
    try:
        task = await environment.containerd.tasks.get(container.id, timeout=LOOK_SECONDS)
    except NotFound:
        await _recover_ended(environment, container, was)
        return
    if not container.state.is_running:
        # dockerd died between the start and its record, or the task is a rest of a start that failed.
        if task.status not in ("running", "paused", "stopped"):
            await _discard_task(environment, container)
            return
        container.state = replace(container.state, status=Status.RUNNING, pid=task.pid)
    await _reopen_streams(environment, container)
    if task.status == "stopped":
        await container_exited(environment, container, Exit(exit_status=task.exit_status, exited_at=task.exited_at))
    else:
        container.note(pid=task.pid)


async def _recover_ended(environment: ContainerEnvironment, container: Container, was: Status) -> None:
    """No task: the machine was started anew, or containerd lost it."""
    if container.state.is_running:
        await container_exited(environment, container, Exit(exit_status=255, exited_at=environment.clock.now()))
        was = Status.RUNNING
    elif container.state.status == Status.RESTARTING:
        container.change(Event.EXIT)
    async with container.lock:
        if container.removed.is_set() or container.state.is_running:
            return
        record = container.record
        if record.host_config.auto_remove and was != Status.CREATED:
            await remove_locked(environment, container, remove_volumes=True)
            return
        ran = was in (Status.RUNNING, Status.PAUSED, Status.RESTARTING)
        stopped = container.state.stopped_by_user
        if (
            was != Status.CREATED
            and container.state.status == Status.EXITED
            and starts_with_daemon(record.host_config.restart_policy, stopped_by_user=stopped, was_running=ran)
        ):
            await start_locked(environment, container)


async def _reopen_streams(environment: ContainerEnvironment, container: Container) -> None:
    record = container.record
    writer = await asyncio.to_thread(
        open_log, environment.store.log_path(container.id), record.host_config.log_config, record.config
    )
    try:
        container.streams.reopen(stream_plan(environment, container), environment.pump, writer, environment.clock.now)
    except FileNotFoundError as error:
        log.error("a container's streams are gone", extra={"fields": {"container": container.id, "error": str(error)}})
    container.streams.started()


async def _discard_task(environment: ContainerEnvironment, container: Container) -> None:
    await environment.containerd.tasks.kill(container.id, 9)
    await environment.containerd.tasks.delete(container.id)
