"""Hearing from the kernel that a container ran out of memory, and that its group is no more.

v1 counts on an eventfd that is registered in the group; it also says so when the group is removed. v2 changes
`memory.events`, and `cgroup.events` when the last process is gone. Sources: kernel admin-guide/cgroup-v1/memory.rst,
cgroup-v2.rst.
"""

import os

from slipway.base.errors import FailedPrecondition
from slipway.linux import cgroups
from slipway.linux.readiness import is_readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class OomEvents(Protocol):
        """`wait`: how often the kernel killed, and whether that was its last word; (0, False) after `timeout`."""

        def wait(self, timeout: float) -> tuple[int, bool]: ...


def oom_events(groups: dict[str, str]) -> "OomEvents":
    """Listen from now on. Raises FailedPrecondition, OSError."""
    if cgroups.UNIFIED in groups:
        return _UnifiedEvents(groups[cgroups.UNIFIED])
    if "memory" not in groups:
        raise FailedPrecondition("memory controller missing")
    return _EventfdEvents(groups["memory"])


class _EventfdEvents:
    __slots__ = ("_control", "_descriptor", "_watched")

    def __init__(self, group: str) -> None:
        self._control = f"{group}/cgroup.event_control"
        self._descriptor = os.eventfd(0)
        self._watched = os.open(f"{group}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
        cgroups.write(group, "cgroup.event_control", f"{self._descriptor} {self._watched} ")

    def wait(self, timeout: float) -> tuple[int, bool]:
        if not is_readable(self._descriptor, timeout):
            return 0, False
        count = os.eventfd_read(self._descriptor)
        return (count, False) if os.path.lexists(self._control) else (0, True)


class _UnifiedEvents:
    __slots__ = ("_count", "_descriptor", "_group")

    def __init__(self, group: str) -> None:
        from slipway.linux import inotify  # v1 needs no ctypes

        self._group = group
        self._descriptor = inotify.create()
        for file in ("memory.events", "cgroup.events"):
            inotify.add_watch(self._descriptor, f"{group}/{file}", inotify.MODIFIED)
        self._count = self._kills()

    def wait(self, timeout: float) -> tuple[int, bool]:
        from slipway.linux import inotify

        if not is_readable(self._descriptor, timeout):
            return 0, False
        inotify.read_events(self._descriptor)
        before, self._count = self._count, self._kills()
        return max(0, self._count - before), not self._is_populated()

    def _kills(self) -> int:
        """The group may be gone already: then there is nothing more to count."""
        try:
            lines = cgroups.read(self._group, "memory.events").splitlines()
        except OSError:
            return self._count if hasattr(self, "_count") else 0
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)

    def _is_populated(self) -> bool:
        try:
            return "populated 1" in cgroups.read(self._group, "cgroup.events")
        except OSError:
            return False
