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
    """Publish TaskOOM at each kill, with cgroup v1 from now on. A container whose cgroup cannot be watched has none.

    `container.memory` looks at once: who tells of the end asks for it first, as nobody listens after that.
    """
    try:
        if "memory" in container.cgroups:
            container.memory = _WatchV1(shim, container.id, container.cgroups["memory"])
        elif "" in container.cgroups:
            container.memory = _WatchV2(shim, container, container.cgroups[""])
    except OSError as error:
        shim.log.warning(f"watch the memory of {container.id}: {error}")


class _WatchV1:
    """An eventfd that the kernel counts up, also when the cgroup is removed (cgroup-v1/memory.rst, 10. OOM Control)."""

    __slots__ = ("_control", "_event", "_id", "_shim")

    def __init__(self, shim: Shim, id: str, directory: str) -> None:
        self._shim = shim
        self._id = id
        self._control = f"{directory}/memory.oom_control"
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            _register(self._event, self._control, f"{directory}/cgroup.event_control")
        except OSError:
            os.close(self._event)
            raise
        shim.loop.watch(self._event, READABLE, self._happened)

    def _happened(self, _events: int) -> None:
        self.look()

    def look(self) -> None:
        try:
            if self._event < 0 or not os.eventfd_read(self._event):
                return
        except BlockingIOError:
            return
        if os.path.exists(self._control):
            self._shim.publisher.publish(events.TaskOOM(container_id=self._id))
        else:
            self.close()

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
    """The kernel counts, so what happened before the watch, or in a process that has passed it on, is told, too."""

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
        if kills > self._container.memory_kills_told:
            self._shim.publisher.publish(events.TaskOOM(container_id=self._container.id))
        self._container.memory_kills_told = kills

    def close(self) -> None:
        """The kernel drops the watch with the file."""


def oom_kills(memory_events: bytes) -> int:
    """The count of `oom_kill` in the text of memory.events (cgroup-v2.rst)."""
    for line in memory_events.splitlines():
        key, _, value = line.partition(b" ")
        if key == b"oom_kill" and value.isascii() and value.isdigit():
            return int(value)
    return 0
