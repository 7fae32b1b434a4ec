"""`docker start`: from a prepared snapshot to a running process, by containerd's calls alone.

    network ────────────┐
    mounts ─▶ user ─────┼─▶ specification ─▶ Containers.Create ─▶ Tasks.Create ─▶ Tasks.Start
    fifos, log, files ──┘

Each step puts its undo on a stack that is dropped at success. What a crash leaves, recovery finds by the id.
"""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import orjson

from slipway.base.errors import EngineError, FailedPrecondition, InvalidArgument, NotFound
from slipway.clients.containerd.containers import ContainerRecord as ContainerdRecord
from slipway.clients.containerd.tasks import Streams
from slipway.contracts.containerd_api.types import Mount
from slipway.contracts.oci.defaults import DEFAULT_APPARMOR_PROFILE
from slipway.dockerd.containers.announce import announce, announce_mounts, announce_network, announce_unmounts
from slipway.dockerd.containers.concurrently import concurrently
from slipway.dockerd.containers.connect import Connection, connect, network_namespace, our_files
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.files.devices import block_device_numbers, devices_of_container
from slipway.dockerd.containers.files.find_user import user_of
from slipway.dockerd.containers.files.mount_points import resolved_mount, tmpfs_mounts
from slipway.dockerd.containers.health.checks import start_health_checks
from slipway.dockerd.containers.lifecycle import Event, Status
from slipway.dockerd.containers.prepare_snapshot import find_snapshot
from slipway.dockerd.containers.remove import remove_locked
from slipway.dockerd.containers.request.runtime_options import runtime_of
from slipway.dockerd.containers.save_state import save_state
from slipway.dockerd.containers.spec.generate import specification
from slipway.dockerd.containers.spec.model import ContainerUser, NamespacePaths, SpecificationInput
from slipway.dockerd.containers.start_errors import machine_failure, start_failure
from slipway.dockerd.containers.streams.log_files import open_log
from slipway.dockerd.logs.model import StreamPlan


async def start(environment: ContainerEnvironment, container: Container) -> bool:
    """Whether it had to be started; False when it runs already. Raises what prevents it, in the original's words."""
    async with container.lock:
        if container.state.is_running:
            if container.state.status == Status.PAUSED:
                raise FailedPrecondition("cannot start a paused container, try unpause instead")
            return False
        if container.is_removing or container.state.status in (Status.REMOVING, Status.DEAD):
            raise FailedPrecondition("container is marked for removal and cannot be started")
        container.note(stopped_by_user=False, restart_count=0)
        container.restart_delay = 0.0
        await start_locked(environment, container)
    return True


async def start_locked(environment: ContainerEnvironment, container: Container) -> None:
    """The start itself, with the container's lock held. A failure is kept in the state; with --rm it removes."""
    try:
        async with AsyncExitStack() as undo:
            await _start(environment, container, undo)
            undo.pop_all()
    except OSError as error:
        failure = machine_failure(error, "failed to create task for container")
        await _keep_failure(environment, container, failure)
        raise failure from error
    except EngineError as error:
        await _keep_failure(environment, container, error)
        raise
    announce_network(environment, container, "connect")
    announce(environment, container, "start")
    start_health_checks(environment, container)
    await save_state(environment, container)


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    mounts: tuple[Mount, ...]
    user: ContainerUser
    connection: Connection


async def _start(environment: ContainerEnvironment, container: Container, undo: AsyncExitStack) -> None:
    streams = await _open_streams(environment, container, undo)
    undo.callback(announce_unmounts, environment, container)
    announce_mounts(environment, container)
    undo.callback(announce_network, environment, container, "disconnect")
    (mounts, user), connection = await concurrently(
        _mounts_and_user(environment, container), connect(environment, container, undo)
    )
    prepared = _Prepared(mounts=mounts, user=user, connection=connection)
    await _create_in_containerd(environment, container, prepared, undo)
    pid = await _create_task(environment, container, prepared, streams, undo)
    environment.networks.release_sandbox(container.id)
    container.note(out_of_memory=False)  # of its last life; of this one we may be told before the start is answered
    try:
        await environment.containerd.tasks.start(container.id)
    except EngineError as error:
        raise _failed(container, error, "failed to start task for container") from error
    container.change(
        Event.START,
        pid=pid,
        exit_code=0,
        error="",
        started_at=environment.clock.now(),
        finished_at=container.state.finished_at,
        endpoint=connection.document,
        network_id=str(connection.document.get("network_id", "")),
    )
    container.streams.started()


async def _open_streams(environment: ContainerEnvironment, container: Container, undo: AsyncExitStack) -> Streams:
    record = container.record
    path = environment.store.log_path(container.id)
    try:
        writer = await asyncio.to_thread(open_log, environment.logs, path, record.host_config.log_config, record.config)
    except InvalidArgument as error:
        sentence = f"failed to create task for container: failed to initialize logging driver: {error.message}"
        raise InvalidArgument(sentence) from error
    undo.callback(container.streams.abandon)
    return container.streams.open(stream_plan(environment, container), writer)


def stream_plan(environment: ContainerEnvironment, container: Container) -> StreamPlan:
    """The fifos of the container's first process."""
    config = container.record.config
    prefix = f"{environment.run_folder(container.id)}/init"
    return StreamPlan(prefix=prefix, stdin=config.open_stdin, terminal=config.tty)


async def _mounts_and_user(
    environment: ContainerEnvironment, container: Container
) -> tuple[tuple[Mount, ...], ContainerUser]:
    mounts = await find_snapshot(environment, container)
    user = await asyncio.to_thread(user_of, container, mounts, container.record.config.user)
    return mounts, user


async def _create_in_containerd(
    environment: ContainerEnvironment, container: Container, prepared: _Prepared, undo: AsyncExitStack
) -> None:
    """A record of the same id that an earlier start left is replaced."""
    document = await asyncio.to_thread(_specification, environment, container, prepared)
    runtime = runtime_of(environment.settings, container.record.host_config.runtime)
    record = ContainerdRecord(
        id=container.id,
        image=container.record.image_name,
        spec=document,
        runtime=runtime.name,
        runtime_options=runtime.options,
        snapshotter=environment.settings.snapshotter,
        snapshot_key=container.id,
    )
    containers = environment.containerd.containers
    container.has_record = True
    try:
        await containers.create(record)
    except EngineError as error:
        if error.kind != "already_exists":
            raise
        await containers.delete(container.id)
        await containers.create(record)
    undo.push_async_callback(_delete_quietly, environment, container.id)


def _specification(environment: ContainerEnvironment, container: Container, prepared: _Prepared) -> bytes:
    """The JSON of the OCI specification. Reads devices of the host."""
    record, settings = container.record, environment.settings
    host_config = record.host_config
    points = [resolved_mount(point, host_config.mounts or ()) for point in record.mount_points]
    taken = {point.destination for point in points}
    files = [file for file in our_files(environment, container, prepared.connection) if file.destination not in taken]
    request = SpecificationInput(
        container_id=record.id,
        config=record.config,
        host_config=host_config,
        facts=environment.facts,
        arguments=(record.path, *record.arguments),
        user=prepared.user,
        hostname=record.config.hostname,
        mounts=(*points, *tmpfs_mounts(host_config), *files),
        devices=devices_of_container(host_config),
        namespaces=_namespaces(environment, container, prepared.connection),
        block_devices=block_device_numbers(host_config),
        init_path=settings.init_path if host_config.init else "",
        cgroup_parent=settings.cgroup_parent,
    )
    document = specification(request)
    container.process = document["process"]
    if document["process"].get("apparmorProfile") == DEFAULT_APPARMOR_PROFILE:
        environment.ensure_apparmor()
    return orjson.dumps(document)


def _namespaces(environment: ContainerEnvironment, container: Container, connection: Connection) -> NamespacePaths:
    host_config = container.record.host_config
    return NamespacePaths(
        network=network_namespace(environment, container, connection),
        ipc=_joined(environment, host_config.ipc_mode, "ipc"),
        pid=_joined(environment, host_config.pid_mode, "pid"),
    )


def _joined(environment: ContainerEnvironment, mode: str, kind: str) -> str:
    """The path of another container's namespace for `container:NAME`; empty for every other mode."""
    if not mode.startswith("container:"):
        return ""
    other = environment.registry.find(mode.removeprefix("container:"))
    if not other.state.is_running:
        raise FailedPrecondition(f"cannot join {kind.upper()} namespace of a non running container: {other.id}")
    return f"/proc/{other.state.pid}/ns/{kind}"


async def _create_task(
    environment: ContainerEnvironment,
    container: Container,
    prepared: _Prepared,
    streams: Streams,
    undo: AsyncExitStack,
) -> int:
    runtime = runtime_of(environment.settings, container.record.host_config.runtime)
    tasks = environment.containerd.tasks
    try:
        pid = await tasks.create(container.id, prepared.mounts, streams, runtime.options)
    except EngineError as error:
        raise _failed(container, error, "failed to create task for container") from error
    undo.push_async_callback(_delete_task_quietly, environment, container.id)
    return pid


def _failed(container: Container, error: EngineError, doing: str) -> EngineError:
    failure = start_failure(error, doing, container.record.config.working_dir)
    container.note(exit_code=failure.exit_code)
    return failure.error


async def _keep_failure(environment: ContainerEnvironment, container: Container, error: EngineError) -> None:
    container.change(
        Event.START_FAILED,
        error=error.message,
        exit_code=container.state.exit_code or 128,
        pid=0,
        started_at=0,
        endpoint={},
    )
    try:
        if container.record.host_config.auto_remove:
            await remove_locked(environment, container, remove_volumes=True)
        else:
            await save_state(environment, container)
    except OSError as further:
        error.add_note(f"keep that: {further}")


async def _delete_quietly(environment: ContainerEnvironment, container_id: str) -> None:
    with suppress(NotFound):
        await environment.containerd.containers.delete(container_id)


async def _delete_task_quietly(environment: ContainerEnvironment, container_id: str) -> None:
    with suppress(EngineError):
        await environment.containerd.tasks.kill(container_id, 9)
    with suppress(EngineError):
        await environment.containerd.tasks.delete(container_id)
