"""Listens to containerd and brings every exit to its container; after a break it looks for what it missed."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from slipway.base.errors import EngineError, NotFound
from slipway.clients.containerd.events import TaskEvent, TaskExited, TaskFrozen, TaskOutOfMemory
from slipway.clients.containerd.tasks import Exit
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.execs.exec_process import exec_exited
from slipway.dockerd.containers.execs.exec_recovery import look_at_execs
from slipway.dockerd.containers.exits import container_exited
from slipway.dockerd.containers.pause import settle_pause
from slipway.dockerd.containers.recovery.leftovers import remove_leftover_tasks
from slipway.dockerd.containers.recovery.memory_kills import look_for_memory_kills

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 0.2
LOOK_SECONDS: Final = 5.0  # for one shim to say how its container is; a stopped one delays nobody else


class TaskWatch:
    """Runs as long as the daemon. What it hears before `release` waits for that.

    So nothing between the question how a container is and its adoption is missed, and no exit is followed up before the
    container's streams are open again: its task would be deleted with all output that nobody has read.
    """

    def __init__(self, environment: ContainerEnvironment) -> None:
        self._environment = environment
        self._waiting: list[Callable[[], None]] | None = []
        self.subscribed = asyncio.Event()

    def release(self) -> None:
        """All containers are recovered: follow up what has happened meanwhile, and from now on at once."""
        waiting, self._waiting = self._waiting, None
        for follow_up in waiting or ():
            follow_up()

    async def run(self) -> None:
        """Never returns; cancelled at the end of the daemon."""
        missed = False
        while True:
            try:
                async for event in self._environment.containerd.events.tasks(self._on_open(missed)):
                    self._when_released(partial(self._take, event))
            except EngineError as error:
                if not missed:
                    log.warning("lost containerd's events", extra={"fields": {"error": str(error)}})
            missed = True
            await asyncio.sleep(RETRY_SECONDS)

    def _on_open(self, missed: bool) -> Callable[[], None]:
        def opened() -> None:
            self.subscribed.set()
            if missed:
                log.info("containerd's events are back")
                self._when_released(self._look_for_missed)

        return opened

    def _when_released(self, follow_up: Callable[[], None]) -> None:
        if self._waiting is None:
            follow_up()
        else:
            self._waiting.append(follow_up)

    def _look_for_missed(self) -> None:
        self._environment.background.run(look_at_all(self._environment), "look for missed exits")

    def _take(self, event: TaskEvent) -> None:
        container = self._environment.registry.get(event.container_id)
        if container is None:
            return
        if isinstance(event, TaskOutOfMemory):
            container.note(out_of_memory=True)
            announce(self._environment, container, "oom")
        elif isinstance(event, TaskFrozen):
            settling = settle_pause(self._environment, container, event.status)
            self._environment.background.run(settling, f"pause of {container.id}")
        else:
            self._take_exit(container, event)

    def _take_exit(self, container: Container, event: TaskExited) -> None:
        environment = self._environment
        if event.exec_id in ("", event.container_id):
            ended = Exit(exit_status=event.exit_status, exited_at=event.exited_at)
            if container.state.is_running and container.state.pid not in (0, event.pid):
                return  # of an earlier task
            environment.background.run(container_exited(environment, container, ended), f"exit of {container.id}")
        elif (one := container.execs.get(event.exec_id)) is not None:
            environment.background.run(
                exec_exited(environment, container, one, event.exit_status), f"exit of exec {one.id}"
            )


async def look_at_all(environment: ContainerEnvironment) -> None:
    """Ask for every container that counts as running, all at once; then end what containerd's break left behind."""
    running = [container for container in environment.registry if container.state.is_running]
    await asyncio.gather(*(look_at(environment, container) for container in running))
    await remove_leftover_tasks(environment, await environment.containerd.tasks.statuses())


async def look_at(environment: ContainerEnvironment, container: Container) -> None:
    """Take the exit of a container that has ended unnoticed. A shim that does not answer changes nothing."""
    try:
        status = await environment.containerd.tasks.get(container.id, timeout=LOOK_SECONDS)
    except NotFound:
        ended = Exit(exit_status=255, exited_at=environment.clock.now())
        await container_exited(environment, container, ended)
        return
    except EngineError as error:
        fields = {"container": container.id, "error": str(error)}
        log.warning("cannot ask for a container's state", extra={"fields": fields})
        return
    await look_for_memory_kills(environment, container)
    if status.status == "stopped":
        ended = Exit(exit_status=status.exit_status, exited_at=status.exited_at)
        await container_exited(environment, container, ended)
    else:
        await settle_pause(environment, container, status.status)
        await look_at_execs(environment, container)
