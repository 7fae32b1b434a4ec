"""What a new dockerd does with the containers of an earlier one: adopt those that run, settle those that ended."""

import asyncio
import logging
from dataclasses import replace
from typing import Final

from slipway.base.errors import EngineError
from slipway.clients.containerd.tasks import Exit, ProcessStatus
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.execs.exec_recovery import adopt_execs
from slipway.dockerd.containers.exits import container_exited
from slipway.dockerd.containers.health.checks import start_health_checks
from slipway.dockerd.containers.lifecycle import Event, Status
from slipway.dockerd.containers.pause import settle_pause
from slipway.dockerd.containers.recovery.leftovers import end_task, remove_leftover_tasks
from slipway.dockerd.containers.recovery.memory_kills import look_for_memory_kills
from slipway.dockerd.containers.remove import remove_locked
from slipway.dockerd.containers.restart_policy import starts_with_daemon
from slipway.dockerd.containers.start import start_locked, stream_plan
from slipway.dockerd.containers.streams.log_files import open_log
from slipway.dockerd.networks.interface import EndpointRecord

log = logging.getLogger(__name__)

SETTLE_SECONDS: Final = (
    2.0  # for an end that came meanwhile; what it left to be logged may take longer, and delays nobody
)


def load(environment: ContainerEnvironment) -> list[EndpointRecord]:
    """Fill the registry from disk; the endpoints that containers had. Blocks on the disk."""
    endpoints = []
    for record, state in environment.store.load():
        if state.status in (Status.REMOVING, Status.DEAD):
            state = replace(state, status=Status.EXITED)
        environment.registry.add(Container(record, state, environment.logs.streams()))
        if state.endpoint:
            endpoints.append(EndpointRecord.from_document(state.endpoint))
    return endpoints


async def recover(environment: ContainerEnvironment) -> None:
    """Settle every container, all at once; one that fails is logged and left as it was. Then clear what nobody owns."""
    tasks = await environment.containerd.tasks.statuses()
    await asyncio.gather(*(_recover_quietly(environment, each, tasks.get(each.id)) for each in environment.registry))
    await remove_leftover_tasks(environment, {each: tasks[each] for each in tasks if _is_unknown(environment, each)})


def _is_unknown(environment: ContainerEnvironment, container_id: str) -> bool:
    return environment.registry.get(container_id) is None


async def _recover_quietly(environment: ContainerEnvironment, container: Container, task: ProcessStatus | None) -> None:
    try:
        await _recover(environment, container, task)
    except (EngineError, OSError) as error:
        fields = {"container": container.id, "error": str(error)}
        log.error("cannot recover a container", extra={"fields": fields})


async def _recover(environment: ContainerEnvironment, container: Container, task: ProcessStatus | None) -> None:
    was = container.state.status
    if task is not None and not container.state.is_running and task.status != "stopped":
        # The start was never recorded, nor told to anybody; its address may be another's by now.
        await end_task(environment, container.id)
        task = None
    if task is None:
        await _recover_ended(environment, container, was)
        return
    await _reopen_streams(environment, container)
    if not task.pid:  # its shim does not answer: it is what it was, and nobody waits for it
        environment.background.run(adopt_execs(environment, container), f"execs of {container.id}")
        return
    await look_for_memory_kills(environment, container)
    if task.status == "stopped":
        container.state = replace(container.state, status=Status.RUNNING, pid=task.pid)
        ended = Exit(exit_status=task.exit_status, exited_at=task.exited_at)
        settling = environment.background.run(_settle_ended(environment, container, ended), f"exit of {container.id}")
        await asyncio.wait([settling], timeout=SETTLE_SECONDS)
        return
    container.note(pid=task.pid)
    await settle_pause(environment, container, task.status)
    await adopt_execs(environment, container)
    start_health_checks(environment, container)


async def _settle_ended(environment: ContainerEnvironment, container: Container, ended: Exit) -> None:
    await container_exited(environment, container, ended)
    await _start_or_remove(environment, container, Status.EXITED)


async def _recover_ended(environment: ContainerEnvironment, container: Container, was: Status) -> None:
    """No task: the machine was started anew, or containerd lost it."""
    if container.state.is_running:
        await container_exited(environment, container, Exit(exit_status=255, exited_at=environment.clock.now()))
        was = Status.RUNNING
    elif container.state.status == Status.RESTARTING:
        container.change(Event.EXIT)
    await _start_or_remove(environment, container, was)


async def _start_or_remove(environment: ContainerEnvironment, container: Container, was: Status) -> None:
    """What is asked for at the daemon's start of a container that does not run."""
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
    plan = stream_plan(environment, container)
    path = environment.store.log_path(container.id)
    logged = await asyncio.to_thread(environment.logs.settle, plan, path)
    writer = await asyncio.to_thread(open_log, environment.logs, path, record.host_config.log_config, record.config)
    try:
        container.streams.reopen(plan, writer, logged)
    except FileNotFoundError as error:
        log.error("a container's streams are gone", extra={"fields": {"container": container.id, "error": str(error)}})
    container.streams.started()
