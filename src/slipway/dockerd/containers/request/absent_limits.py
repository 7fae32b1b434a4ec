"""Limits that the kernel cannot hold are left out, with a warning, as the original does. Pure."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from slipway.contracts.engine_api.host_config import HostConfig

NOT_MOUNTED: Final = "or the cgroup is not mounted"
# Name of the limit, what takes its place, and the words after "Your kernel does not support ".
LIMITS: Final = (
    ("memory", 0, f"memory limit capabilities {NOT_MOUNTED}. Limitation discarded."),
    ("memory_swappiness", None, f"memory swappiness capabilities {NOT_MOUNTED}. Memory swappiness discarded."),
    ("memory_reservation", 0, f"memory soft limit capabilities {NOT_MOUNTED}. Limitation discarded."),
    ("kernel_memory", 0, f"kernel memory limit capabilities {NOT_MOUNTED}. Limitation discarded."),
    ("oom_kill_disable", None, "OomKillDisable. OomKillDisable discarded."),
    ("pids_limit", None, f"PIDs limit capabilities {NOT_MOUNTED}. PIDs limit discarded."),
    ("cpu_shares", 0, f"CPU shares {NOT_MOUNTED}. Shares discarded."),
    ("cpuset_cpus", "", f"cpuset {NOT_MOUNTED}. Cpuset discarded."),
    ("blkio_weight", 0, f"Block I/O weight {NOT_MOUNTED}. Weight discarded."),
)
WITHOUT_SWAP: Final = f"swap limit capabilities {NOT_MOUNTED}. Memory limited without swap."


def without_absent_limits(host_config: HostConfig, absent: Collection[str]) -> tuple[HostConfig, list[str]]:
    """What can be held of `host_config`, and a sentence about each limit that was asked for and cannot."""
    changes: dict[str, Any] = {}
    warnings = []
    for name, nothing, words in LIMITS:
        asked = getattr(host_config, name)
        if name in absent and asked != nothing:
            changes[name] = nothing
            if asked and asked != -1:
                warnings.append(f"Your kernel does not support {words}")
    if "memory" in changes:
        changes["memory_swap"] = -1
    elif host_config.memory > 0 and host_config.memory_swap != -1 and "memory_swap" in absent:
        changes["memory_swap"] = -1
        warnings.append(f"Your kernel does not support {WITHOUT_SWAP}")
    if host_config.cpu_percent:
        changes["cpu_percent"] = 0
        warnings.append("linux does not support CPU percent. Percent discarded.")
    return replace(host_config, **changes), warnings
