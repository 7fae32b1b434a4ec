"""`docker exec`: a further process in a running container."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress

import orjson

from slipway.base.errors import EngineError, FailedPrecondition, InvalidArgument, NotFound
from slipway.clients.containerd.tasks import Streams
from slipway.contracts.engine_api.execs import ExecConfig, ExecStart
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.execs.model import Exec
from slipway.dockerd.containers.files.find_user import user_of
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.settled import start_settled
from slipway.dockerd.containers.spec.model import ContainerUser
from slipway.dockerd.containers.spec.process import exec_process
from slipway.dockerd.containers.start_errors import machine_failure, start_failure
from slipway.dockerd.containers.streams.attach import AttachPlan, ClientStream, frame, join_streams
from slipway.dockerd.containers.streams.detach_keys import key_bytes
from slipway.dockerd.logs.model import StreamPlan


async def create_exec(environment: ContainerEnvironment, container: Container, config: ExecConfig) -> Exec:
    """A prepared exec. Raises FailedPrecondition when the container cannot take one, InvalidArgument (no such user)."""
    await start_settled(container)
    check_running(container)
    if not config.cmd:
        raise InvalidArgument("No exec command specified")
    for text in (*config.cmd, *(config.env or ()), config.working_dir, config.user):
        if "\0" in text:
            raise InvalidArgument("invalid exec: a NUL byte in an argument")
    key_bytes(config.detach_keys)
    process = await _process_document(environment, container, config)
    one = Exec(secrets.token_hex(32), container.id, config, process, environment.logs.streams())
    container.execs[one.id] = one
    environment.registry.add_exec(one)
    announce(environment, container, f"exec_create: {_words(config.cmd)}", execID=one.id)
    return one


def check_running(container: Container) -> None:
    """Raises FailedPrecondition, in the original's words."""
    status = container.state.status
    if status == Status.PAUSED:
        raise FailedPrecondition(f"Container {container.name} is paused, unpause the container before exec")
    if status == Status.RESTARTING:
        raise FailedPrecondition(f"Container {container.id} is restarting, wait until the container is running")
    if status != Status.RUNNING:
        raise FailedPrecondition(f"container {container.id} is not running")


def check_startable(one: Exec) -> None:
    """Raises FailedPrecondition when it was started already."""
    if one.running:
        raise FailedPrecondition(f"exec command {one.id} is already running")
    if one.started:
        raise FailedPrecondition(f"exec command {one.id} has already run")


async def start_exec(environment: ContainerEnvironment, container: Container, one: Exec, request: ExecStart) -> None:
    """Let it run; its streams can be subscribed to before. Raises what the runtime said, with 126 or 127 kept."""
    check_running(container)
    check_startable(one)
    one.started = True
    announce(environment, container, f"exec_start: {_words(one.config.cmd or ())}", execID=one.id)
    plan = exec_plan(environment, one)
    tasks = environment.containerd.tasks
    try:
        streams = _open_streams(one, plan)
        await tasks.exec(container.id, one.id, started_process(one, request), streams)
        one.running = True
        one.pid = await tasks.start(container.id, one.id)
    except EngineError as error:
        failure = start_failure(error, "")
        one.exit_code = failure.exit_code
        if error.kind == "unavailable" and one.running:
            raise failure.error from error  # it may run: whoever looks when containerd is back takes its end
        one.running = False
        one.streams.abandon()
        environment.logs.remove_fifos(plan)
        with suppress(EngineError):
            await tasks.delete_process(container.id, one.id)
        _forget_old(environment, container)
        raise failure.error from error
    one.streams.started()


def _open_streams(one: Exec, plan: StreamPlan) -> Streams:
    try:
        return one.streams.open(plan, None)
    except OSError as error:
        raise machine_failure(error, "failed to open the exec's streams") from error


async def attach_exec(
    environment: ContainerEnvironment, container: Container, one: Exec, client: ClientStream, request: ExecStart
) -> None:
    """Start it joined to a client. A failed start is told in the stream: the connection is hijacked already.

    As the original, the start's `tty` says whether output is framed, and one who reads a terminal gets no stderr;
    input and detach keys are as the exec's own `tty` says.
    """
    streams = one.streams
    has_output = one.config.attach_stdout or one.config.attach_stderr  # perhaps nothing of it is for this client
    subscriber = streams.subscribe(wanted_output(one.config, request)) if has_output else None
    try:
        await start_exec(environment, container, one, request)
        plan = AttachPlan(
            stdin=one.config.attach_stdin,
            multiplexed=not request.tty,
            closes_stdin=not one.config.tty,
            detach_keys=key_bytes(one.config.detach_keys) if one.config.tty else None,
        )

        async def close_stdin() -> None:
            streams.close_stdin()
            with suppress(EngineError):
                await environment.containerd.tasks.close_stdin(container.id, one.id)

        if await join_streams(client, streams, subscriber, plan, close_stdin):
            announce(environment, container, "exec_detach", execID=one.id)
    except EngineError as error:
        # As the original: the connection is hijacked, so the sentence goes where output goes.
        sentence = f"{error.message}\r\n".encode()
        with suppress(ConnectionError):
            await client.write(sentence if request.tty else frame("stdout", sentence))
    finally:
        if subscriber is not None:
            streams.unsubscribe(subscriber)


def wanted_output(config: ExecConfig, request: ExecStart) -> frozenset[str]:
    """The streams that who starts it gets."""
    wanted = {name for name in ("stdout", "stderr") if getattr(config, f"attach_{name}")}
    return frozenset(wanted - {"stderr"} if request.tty else wanted)


def started_process(one: Exec, request: ExecStart) -> bytes:
    """The OCI process; its terminal has the size that the start says, if any."""
    size = request.console_size if request.tty and one.config.tty else None
    if size is None:
        return one.process
    height, width = size
    return orjson.dumps({**orjson.loads(one.process), "consoleSize": {"height": height, "width": width}})


async def exec_exited(environment: ContainerEnvironment, container: Container, one: Exec, exit_status: int) -> None:
    """Take the end of an exec into account. Who is attached goes when the output is through, the shim forgets after."""
    if not one.running:
        return
    one.exit_code = exit_status  # whoever is attached asks for it at the end of the stream
    one.running = False
    await one.streams.drain()  # before the deletion: what is unread then is lost
    with suppress(NotFound, EngineError):
        await environment.containerd.tasks.delete_process(container.id, one.id)
    environment.logs.remove_fifos(exec_plan(environment, one))
    one.ended.set()
    announce(environment, container, "exec_die", execID=one.id, exitCode=str(exit_status))
    _forget_old(environment, container)


def _words(command: Sequence[str]) -> str:
    """As the original: the program, a space, and the arguments, if any."""
    return f"{command[0]} {' '.join(command[1:])}" if command else ""


def exec_plan(environment: ContainerEnvironment, one: Exec) -> StreamPlan:
    prefix = f"{environment.run_folder(one.container_id)}/{one.id}"
    return StreamPlan(prefix=prefix, stdin=one.config.attach_stdin, terminal=one.config.tty)


ENDED_KEPT = 64


def _forget_old(environment: ContainerEnvironment, container: Container) -> None:
    """Ended execs can be inspected for a while; a health check every second must not fill the memory."""
    ended: Sequence[Exec] = [one for one in container.execs.values() if one.exit_code is not None]
    for one in ended[: max(0, len(ended) - ENDED_KEPT)]:
        del container.execs[one.id]
        environment.registry.remove_exec(one.id)


async def _process_document(environment: ContainerEnvironment, container: Container, config: ExecConfig) -> bytes:
    """The OCI process: the container's own, changed by what was asked for."""
    if container.process is None:
        spec = orjson.loads(await environment.containerd.containers.spec(container.id))
        container.process = spec["process"]
    process = exec_process(
        container.record.host_config,
        environment.facts,
        arguments=config.cmd or (),
        container_process=container.process,
        environment=config.env or (),
        working_directory=config.working_dir,
        user=await _user(environment, container, config.user),
        terminal=config.tty,
        privileged=config.privileged,
        console_size=_console_size(config),
    )
    return orjson.dumps(process)


async def _user(environment: ContainerEnvironment, container: Container, text: str) -> ContainerUser:
    """The container's own unless another is asked for."""
    assert container.process is not None
    if not text:
        user = container.process["user"]
        return ContainerUser(
            uid=user["uid"], gid=user["gid"], additional_gids=tuple(user.get("additionalGids") or (user["gid"],))
        )
    mounts = await environment.containerd.snapshots.mounts(container.id)
    return await asyncio.to_thread(user_of, container, mounts, text)


def _console_size(config: ExecConfig) -> tuple[int, int] | None:
    size = config.console_size
    return (size[0], size[1]) if size is not None and len(size) == 2 else None
