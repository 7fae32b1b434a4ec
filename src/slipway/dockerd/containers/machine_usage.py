"""The machine's processors and memory: what `docker stats` sets a container's use against. Blocks on /proc."""

import os
from typing import Final

NANOSECONDS_PER_TICK: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
MACHINE_MEMORY: Final = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # bytes


def system_cpu_nanoseconds() -> int:
    """Time of all processors since the boot: the first seven columns of /proc/stat, proc(5)."""
    with open("/proc/stat", "rb") as file:
        columns = file.readline().split()[1:8]
    return sum(int(column) for column in columns) * NANOSECONDS_PER_TICK


def online_processors() -> int:
    return os.cpu_count() or 1
