"""`docker kill`, and the forced end that stop and rm -f need."""

import asyncio
import signal
from contextlib import suppress
from typing import Final

from slipway.base.errors import EngineError, FailedPrecondition, InternalError, InvalidArgument, NotFound
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.request.signals import signal_number
from slipway.dockerd.containers.save_state import save_state
from slipway.dockerd.containers.settled import start_settled

KILL_SECONDS: Final = 10.0
_NEVER: Final = ("", "no")


async def kill(environment: ContainerEnvironment, container: Container, reference: str, signal_text: str) -> None:
    """Send a signal. Raises FailedPrecondition when nothing runs, InvalidArgument for no signal; `reference` is what
    the user called the container."""
    try:
        number = signal_number(signal_text or "KILL")
    except InvalidArgument as error:
        raise InvalidArgument(f"cannot kill container: {reference}: {error.message}") from error
    await start_settled(container)
    if not container.state.is_running:
        raise FailedPrecondition(f"cannot kill container: {container.name}: container {container.id} is not running")
    stops = number in (signal.SIGKILL, stop_signal_of(container))
    if stops:
        await mark_stopped(environment, container)
    if number == signal.SIGKILL:
        await kill_and_wait(environment, container)
    else:
        await send_signal(environment, container, number)


async def mark_stopped(environment: ContainerEnvironment, container: Container) -> None:
    """Before the signal goes: its restart policy must not bring it back, nor must a daemon after us."""
    container.note(stopped_by_user=True)
    if container.record.host_config.restart_policy.name in _NEVER or container.stops_with_daemon:
        return
    async with container.lock:
        if container.state.is_running:
            await save_state(environment, container)


async def send_signal(environment: ContainerEnvironment, container: Container, number: int) -> None:
    """Raises FailedPrecondition when the process has ended."""
    try:
        await environment.containerd.tasks.kill(container.id, number)
    except NotFound as error:
        raise FailedPrecondition(
            f"cannot kill container: {container.name}: container {container.id} is not running"
        ) from error
    announce(environment, container, "kill", signal=str(number))


async def kill_and_wait(environment: ContainerEnvironment, container: Container) -> None:
    """SIGKILL, and wait for the end. A restart that is planned is called off. Raises InternalError after 10 s."""
    await mark_stopped(environment, container)
    if container.restart_task is not None:
        container.restart_task.cancel()
    if container.state.status == Status.RESTARTING:
        return
    exits = container.exits
    if not container.state.is_running:
        return
    if container.state.status == Status.PAUSED:
        await _thaw(environment, container)
    with suppress(FailedPrecondition):  # its exit is on the way
        await send_signal(environment, container, signal.SIGKILL)
    while True:
        try:
            await asyncio.wait_for(container.wait_next_exit(exits), KILL_SECONDS)
            return
        except TimeoutError as error:
            if container.is_ending:
                continue
            raise InternalError(
                f"kill container {container.id}: it did not end within {KILL_SECONDS:g} seconds of SIGKILL"
            ) from error


async def _thaw(environment: ContainerEnvironment, container: Container) -> None:
    """A frozen process takes no signal on cgroup v1."""
    try:
        await environment.containerd.tasks.resume(container.id)
    except EngineError:
        return


def stop_signal_of(container: Container) -> int:
    """The one that ends it politely. An image may name what is no signal; SIGTERM then, as with the original."""
    try:
        return signal_number(container.record.config.stop_signal or "TERM")
    except InvalidArgument:
        return signal.SIGTERM
