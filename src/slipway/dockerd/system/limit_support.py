"""Which limits of a container this kernel cannot hold: controllers are left out of kernels, or turned off at boot."""

import os
from typing import Final

ROOT: Final = "/sys/fs/cgroup"
# Limits by the names that `Resources` has for them, and the file of cgroup v1 that each is written to.
FILES_OF_V1: Final = {
    "memory": "memory/memory.limit_in_bytes",
    "memory_swap": "memory/memory.memsw.limit_in_bytes",
    "memory_reservation": "memory/memory.soft_limit_in_bytes",
    "memory_swappiness": "memory/memory.swappiness",
    "kernel_memory": "memory/memory.kmem.limit_in_bytes",
    "oom_kill_disable": "memory/memory.oom_control",
    "cpu_shares": "cpu/cpu.shares",
    "cpuset_cpus": "cpuset/cpuset.cpus",
    "blkio_weight": "blkio/blkio.weight",
    "pids_limit": "pids",
}
# The controller of cgroup v2; "" where v2 has no such limit.
CONTROLLERS_OF_V2: Final = {
    "memory": "memory",
    "memory_swap": "memory",
    "memory_reservation": "memory",
    "memory_swappiness": "",
    "kernel_memory": "",
    "oom_kill_disable": "",
    "cpu_shares": "cpu",
    "cpuset_cpus": "cpuset",
    "blkio_weight": "io",
    "pids_limit": "pids",
}


def absent_limits(root: str = ROOT) -> frozenset[str]:
    """The names of limits that would fail. Reads a dozen file names below `root`."""
    try:
        with open(f"{root}/cgroup.controllers", encoding="ascii") as file:
            controllers = file.read().split()
    except FileNotFoundError:
        return frozenset(name for name, path in FILES_OF_V1.items() if not os.path.exists(f"{root}/{path}"))
    return frozenset(name for name, controller in CONTROLLERS_OF_V2.items() if controller not in controllers)
