"""One container in memory: record, state, lock, streams, and who waits for it. The only mutable thing of this noun."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from slipway.contracts.containerd_api.types import Mount
from slipway.dockerd.containers.execs.model import Exec
from slipway.dockerd.containers.lifecycle import Event, Status, next_status
from slipway.dockerd.containers.model import ContainerRecord, ContainerState
from slipway.dockerd.logs.interface import ProcessStreams


class Container:
    """`lock` is held by whatever changes the container (start, exit, rename, remove), but never while waiting for its
    process to end: an exit must be able to get through."""

    def __init__(self, record: ContainerRecord, state: ContainerState, streams: ProcessStreams) -> None:
        self.record = record
        self.state = state
        self.lock = asyncio.Lock()
        self.streams = streams
        self.execs: dict[str, Exec] = {}
        self.process: dict[str, Any] | None = None  # of the specification it runs with; None: ask containerd
        self.mounts: tuple[Mount, ...] = ()  # of its snapshot, the same for life; empty: ask containerd
        self.has_record = True  # with containerd, as far as we know
        self.restart_task: asyncio.Task[None] | None = None
        self.restart_delay = 0.0
        self.health_task: asyncio.Task[None] | None = None
        self.is_removing = False
        self.keeps_after_exit = False  # a restart is under way: --rm waits for the next end
        self.is_ending = False  # its process has ended; its output is still on the way to the log
        self.stops_with_daemon = False  # it is to end because we do, not because somebody asked for it
        self.is_unsaved = False  # its state could not be written, and somebody tries again
        self.removed = asyncio.Event()
        self._waiters: set[asyncio.Event] = set()
        self._exits = 0

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def exits(self) -> int:
        """How often a process of it has ended since this daemon started; for who waits for the next time."""
        return self._exits

    def change(self, event: Event, **fields: Any) -> None:
        """The only way to a new status: by the table. `fields` replace those of the state."""
        self.state = replace(self.state, status=next_status(self.state.status, event), **fields)
        if event in (Event.EXIT, Event.EXIT_TO_RESTART):
            self._exits += 1
        self._notify()

    def note(self, **fields: Any) -> None:
        """Change fields of the state that are not its status."""
        self.state = replace(self.state, **fields)

    def mark_removed(self) -> None:
        self.removed.set()
        self._notify()

    async def wait_changed(self, statuses: Sequence[Status]) -> None:
        """Return when the status is one of `statuses`, or the container is removed."""
        await self._wait_until(lambda: self.state.status in statuses)

    async def wait_next_exit(self, exits: int) -> None:
        """Return when a process has ended since `exits` was read, or the container is removed."""
        await self._wait_until(lambda: self._exits > exits)

    async def wait_removed(self) -> None:
        await self.removed.wait()

    async def wait_exit_handled(self, exits: int) -> None:
        """Return when an end after `exits` is recorded and nobody works on the container any more."""
        await self.wait_next_exit(exits)
        async with self.lock:
            pass

    async def _wait_until(self, holds: Callable[[], bool]) -> None:
        while not holds() and not self.removed.is_set():
            waiter = asyncio.Event()
            self._waiters.add(waiter)
            try:
                await waiter.wait()
            finally:
                self._waiters.discard(waiter)

    def _notify(self) -> None:
        for waiter in self._waiters:
            waiter.set()
