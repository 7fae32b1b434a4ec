"""Tells of processes that the kernel killed because a container's memory was at its limit."""

from __future__ import annotations

import os

from slipway.base.files import read_whole
from slipway.contracts.shim_api import events
from slipway.linux import inotify
from slipway.shim.model import Container
from slipway.shim.shim import Shim
from slipway.transport.plain.loop import READABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def watch_memory(shim: Shim, container: Container) -> None:
    """Publish TaskOOM at each kill, with cgroup v1 from now on. A container whose cgroup cannot be watched has none.

    `container.look_at_memory` does it at once: who tells of the end calls it first, as nobody listens after that.
    """
    try:
        if "memory" in container.cgroups:
            container.look_at_memory = _watch_v1(shim, container, container.cgroups["memory"])
        elif "" in container.cgroups:
            container.look_at_memory = _watch_v2(shim, container, container.cgroups[""])
    except OSError as error:
        shim.log.warning(f"watch the memory of {container.id}: {error}")


def _watch_v1(shim: Shim, container: Container, directory: str) -> Callable[[], None]:
    """An eventfd that the kernel counts up, also when the cgroup is removed (cgroup-v1/memory.rst, 10. OOM Control)."""
    control = os.open(f"{directory}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
    event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        registration = os.open(f"{directory}/cgroup.event_control", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(registration, b"%d %d" % (event, control))
        finally:
            os.close(registration)
    except OSError:
        os.close(event)
        raise
    finally:
        os.close(control)

    is_open = True

    def happened(_events: int = 0) -> None:
        nonlocal is_open
        try:
            if not is_open or not os.eventfd_read(event):
                return
        except BlockingIOError:
            return
        if os.path.exists(f"{directory}/memory.oom_control"):
            shim.publisher.publish(events.TaskOOM(container_id=container.id))
        else:
            shim.loop.unwatch(event)
            os.close(event)
            is_open = False

    shim.loop.watch(event, READABLE, happened)
    return happened


def _watch_v2(shim: Shim, container: Container, directory: str) -> Callable[[], None]:
    """The kernel counts, so what happened before the watch, or in a process that has passed it on, is told, too."""
    path = f"{directory}/memory.events"

    def happened(mask: int = 0) -> None:
        if mask & inotify.IGNORED:
            return
        try:
            kills = oom_kills(read_whole(path))
        except OSError:
            return
        if kills > container.memory_kills_told:
            shim.publisher.publish(events.TaskOOM(container_id=container.id))
        container.memory_kills_told = kills

    shim.streams.events.watch(path, inotify.MODIFIED, happened)
    happened()
    return happened


def oom_kills(memory_events: bytes) -> int:
    """The count of `oom_kill` in the text of memory.events (cgroup-v2.rst)."""
    for line in memory_events.splitlines():
        key, _, value = line.partition(b" ")
        if key == b"oom_kill" and value.isascii() and value.isdigit():
            return int(value)
    return 0
