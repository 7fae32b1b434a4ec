"""`docker attach`: to a container's first process, before or while it runs."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from slipway.base.errors import EngineError, FailedPrecondition
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.streams.attach import AttachPlan, ClientStream, frame, join_streams
from slipway.dockerd.containers.streams.detach_keys import key_bytes
from slipway.dockerd.logs.model import Entry


@dataclass(frozen=True, kw_only=True)
class AttachRequest:
    """Of the query. `stream` false with `logs` true only replays.

    `multiplexed` false: output without heads, also where there is no terminal. `ends_with_input`: the end of the
    client's input is the end of its attach, unless the process reads to that end, too.
    """

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    stream: bool = False
    logs: bool = False
    detach_keys: str = ""
    multiplexed: bool = True
    ends_with_input: bool = False

    @property
    def streams(self) -> frozenset[str]:
        return frozenset(name for name in ("stdout", "stderr") if getattr(self, name))


def check_attach(container: Container, request: AttachRequest) -> None:
    """Refuse before the connection is hijacked. Raises FailedPrecondition, InvalidArgument."""
    key_bytes(request.detach_keys)
    if container.state.status == Status.PAUSED:
        raise FailedPrecondition(f"container {container.name} is paused, unpause the container before attach")
    if container.state.status == Status.RESTARTING:
        raise FailedPrecondition(f"container {container.name} is restarting, wait until the container is running")


async def attach(
    environment: ContainerEnvironment,
    container: Container,
    client: ClientStream,
    request: AttachRequest,
    replay: Iterable[Entry] = (),
) -> None:
    """Serve one attached client to its end. `replay` is what the log has, for `logs`."""
    config = container.record.config
    streams = container.streams
    multiplexed = request.multiplexed and not config.tty
    closes_stdin = config.stdin_once and not config.tty
    subscriber = streams.subscribe(request.streams) if request.stream and request.streams else None
    try:
        for entry in replay:
            await client.write(frame(entry.stream, entry.line) if multiplexed else entry.line)
        if not request.stream:
            return
        announce(environment, container, "attach")
        plan = AttachPlan(
            stdin=request.stdin and config.open_stdin,
            multiplexed=multiplexed,
            closes_stdin=closes_stdin,
            ends_with_input=request.ends_with_input and not closes_stdin,
            detach_keys=key_bytes(request.detach_keys) if config.tty else None,
        )

        async def close_stdin() -> None:
            streams.close_stdin()
            with suppress(EngineError):  # it has ended already
                await environment.containerd.tasks.close_stdin(container.id)

        if await join_streams(client, streams, subscriber, plan, close_stdin):
            announce(environment, container, "detach")
    finally:
        if subscriber is not None:
            streams.unsubscribe(subscriber)
