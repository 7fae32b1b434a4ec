"""Tells of processes that the kernel killed because a container's memory was at its limit."""

from __future__ import annotations

import os

from slipway.base.files import read_whole
from slipway.contracts.shim_api import events
from slipway.linux import inotify
from slipway.shim.model import Container
from slipway.shim.shim import Shim
from slipway.transport.plain.loop import READABLE


def watch_memory(shim: Shim, container: Container) -> None:
    """Publish TaskOOM at each kill. A container whose cgroup cannot be watched has none.

    The kernel counts, so what happened before the watch, or in a process that has passed it on, is told, too.
    `container.memory` looks at once: who tells of the end asks for it first, as nobody listens after that.
    """
    try:
        if "memory" in container.cgroups:
            container.memory = _WatchV1(shim, container, container.cgroups["memory"])
        elif "" in container.cgroups:
            container.memory = _WatchV2(shim, container, container.cgroups[""])
    except OSError as error:
        shim.log.warning(f"watch the memory of {container.id}: {error}")


class _WatchV1:
    """An eventfd that the kernel counts up, also when the cgroup is removed (cgroup-v1/memory.rst, 10. OOM Control).

    It is counted up before the kill is: a kill that was told by it is not told again by the kernel's count.
    """

    __slots__ = ("_container", "_control", "_event", "_shim")

    def __init__(self, shim: Shim, container: Container, directory: str) -> None:
        self._shim = shim
        self._container = container
        self._control = f"{directory}/memory.oom_control"
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            _register(self._event, self._control, f"{directory}/cgroup.event_control")
        except OSError:
            os.close(self._event)
            raise
        shim.loop.watch(self._event, READABLE, self._happened)
        self.look()

    def _happened(self, _events: int) -> None:
        self.look()

    def look(self) -> None:
        if self._event < 0:
            return
        happened = self._count_events()
        try:
            kills = oom_kills(read_whole(self._control))
        except OSError:
            self.close()
            return
        _tell(self._shim, self._container, kills, happened)

    def _count_events(self) -> int:
        try:
            return os.eventfd_read(self._event)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        if self._event >= 0:
            self._shim.loop.unwatch(self._event)
            os.close(self._event)
            self._event = -1


def _register(event: int, control: str, registry: str) -> None:
    """Have the kernel count up `event` for the file `control`. Raises OSError."""
    watched = os.open(control, os.O_RDONLY | os.O_CLOEXEC)
    try:
        registration = os.open(registry, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(registration, b"%d %d" % (event, watched))
        finally:
            os.close(registration)
    finally:
        os.close(watched)


class _WatchV2:
    """A watch on the file in which the kernel counts."""

    __slots__ = ("_container", "_path", "_shim")

    def __init__(self, shim: Shim, container: Container, directory: str) -> None:
        self._shim = shim
        self._container = container
        self._path = f"{directory}/memory.events"
        shim.streams.events.watch(self._path, inotify.MODIFIED, self._happened)
        self.look()

    def _happened(self, mask: int) -> None:
        if not mask & inotify.IGNORED:
            self.look()

    def look(self) -> None:
        try:
            kills = oom_kills(read_whole(self._path))
        except OSError:
            return
        _tell(self._shim, self._container, kills)

    def close(self) -> None:
        """The kernel drops the watch with the file."""


def _tell(shim: Shim, container: Container, kills: int, happened: int = 0) -> None:
    """Publish what is new: the kernel counts `kills`, `happened` events came since the last look, counted or not."""
    told = container.memory_kills_told
    if happened or kills > told:
        shim.publisher.publish(events.TaskOOM(container_id=container.id))
    container.memory_kills_told = max(told + happened, kills)


def oom_kills(text: bytes) -> int:
    """The count of `oom_kill` in memory.events (cgroup-v2.rst), or in memory.oom_control (v1, since Linux 4.13)."""
    for line in text.splitlines():
        key, _, value = line.partition(b" ")
        if key == b"oom_kill" and value.isascii() and value.isdigit():
            return int(value)
    return 0
