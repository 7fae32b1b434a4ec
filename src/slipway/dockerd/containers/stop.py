"""`docker stop` and `docker restart`: a polite signal, a while, then SIGKILL."""

import asyncio
from contextlib import suppress
from typing import Final

from slipway.base.errors import FailedPrecondition
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.kill import kill_and_wait, mark_stopped, send_signal, stop_signal_of
from slipway.dockerd.containers.lifecycle import Event, Status
from slipway.dockerd.containers.request.signals import signal_number
from slipway.dockerd.containers.save_state import save_state
from slipway.dockerd.containers.settled import start_settled
from slipway.dockerd.containers.start import start

DEFAULT_TIMEOUT: Final = 10  # seconds


async def stop(
    environment: ContainerEnvironment, container: Container, *, timeout: int | None, signal_text: str = ""
) -> bool:
    """Whether it had to be stopped. `timeout` in seconds; None is the container's own or 10, -1 waits for ever."""
    await start_settled(container)
    if container.state.status == Status.RESTARTING:
        container.note(stopped_by_user=True)
        if container.restart_task is not None:
            container.restart_task.cancel()
        async with container.lock:
            if container.state.status == Status.RESTARTING:
                container.change(Event.EXIT)
                await save_state(environment, container)
        return True
    if not container.state.is_running:
        return False
    number = signal_number(signal_text) if signal_text else stop_signal_of(container)
    seconds = seconds_to_stop(container, timeout)
    exits = container.exits
    await mark_stopped(environment, container)
    with suppress(FailedPrecondition):  # it has just ended
        await send_signal(environment, container, number)
    if seconds != 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(container.wait_next_exit(exits), seconds if seconds > 0 else None)
    if container.exits == exits and container.state.is_running:
        await kill_and_wait(environment, container)
    announce(environment, container, "stop")
    return True


async def restart(
    environment: ContainerEnvironment, container: Container, *, timeout: int | None, signal_text: str = ""
) -> None:
    """Stop and start. With --rm it survives the stop."""
    exits = container.exits
    container.keeps_after_exit = True
    try:
        if await stop(environment, container, timeout=timeout, signal_text=signal_text):
            await container.wait_exit_handled(exits)
        await start(environment, container)
    finally:
        container.keeps_after_exit = False
    announce(environment, container, "restart")


def seconds_to_stop(container: Container, timeout: int | None) -> int:
    """How long a stop waits before it kills; -1 is for ever."""
    if timeout is not None:
        return timeout
    own = container.record.config.stop_timeout
    return DEFAULT_TIMEOUT if own is None else own
