"""Where a container's cgroups are in the file system."""

from __future__ import annotations

from slipway.linux import cgroups

_mounted: dict[str, str] = {}  # controller -> mount point; the machine's, found once and shared by all forks


def preload() -> None:
    """Look at the machine's mounts now rather than in each shim."""
    _mounted.update(cgroups.discover().points)


def folders_of(pid: int) -> dict[str, str]:
    """Controller ("" for v2) -> folder of the process' group; empty when the process is gone."""
    if not _mounted:
        preload()
    try:
        groups = cgroups.own_groups(pid)
    except OSError:
        return {}
    return {
        controller: _mounted[controller] + path.rstrip("/")
        for controller, path in groups.items()
        if controller in _mounted
    }
