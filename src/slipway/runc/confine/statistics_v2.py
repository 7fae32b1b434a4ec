"""Usage from the control files of cgroup v2, in the names of v1 where there is one."""

import errno
import os

from slipway.linux import cgroups
from slipway.runc.confine import statistics_model as model
from slipway.runc.confine.statistics_model import MemoryEntry, Statistics
from slipway.runc.confine.statistics_v1 import key_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

_MICROSECOND = 1000
_NO_LIMIT = (1 << 64) - 1
_BLOCK_KEYS = {
    "rbytes": (model.BYTES, "Read"),
    "wbytes": (model.BYTES, "Write"),
    "rios": (model.OPERATIONS, "Read"),
    "wios": (model.OPERATIONS, "Write"),
}


def read(statistics: Statistics, group: str, hugepage_sizes: list[str]) -> None:
    """Fill in what the group says. A controller that is not enabled has no files. Raises OSError, ValueError."""
    _pids(statistics, group)
    for reader in (_memory, _io, _cpu):
        try:
            reader(statistics, group)
        except FileNotFoundError:
            continue
    for resource in ("cpu", "memory", "io"):
        _pressure(statistics, group, resource)
    for size in hugepage_sizes:
        try:
            statistics.hugepages[size] = _hugepages(group, size)
        except FileNotFoundError:
            return


def _pids(statistics: Statistics, group: str) -> None:
    try:
        statistics.pids = int(cgroups.read(group, "pids.current"))
    except FileNotFoundError:
        statistics.pids = len(cgroups.read(group, "cgroup.procs").split())
        return
    limit = cgroups.read(group, "pids.max")
    statistics.pids_limit = 0 if limit == "max" else int(limit)


def _memory(statistics: Statistics, group: str) -> None:
    statistics.raw = key_values(cgroups.read(group, "memory.stat"))
    statistics.cache = statistics.raw.get("file", 0)
    statistics.usage = usage = _memory_entry(group, "memory")
    try:
        swap = _memory_entry(group, "memory.swap")
    except FileNotFoundError:
        swap = MemoryEntry()
    # Readers know memory and swap together, as v1 counts them; their common maximum cannot be told.
    limit = swap.limit if swap.limit == _NO_LIMIT else (swap.limit + usage.limit) & _NO_LIMIT
    statistics.swap = MemoryEntry(limit, swap.usage + usage.usage)


def _memory_entry(group: str, name: str) -> MemoryEntry:
    limit = cgroups.read(group, f"{name}.max")
    peak = f"{name}.peak"  # since Linux 5.19, for swap 6.5
    return MemoryEntry(
        _NO_LIMIT if limit == "max" else int(limit),
        int(cgroups.read(group, f"{name}.current")),
        int(cgroups.read(group, peak)) if os.path.exists(f"{group}/{peak}") else 0,
    )


def _io(statistics: Statistics, group: str) -> None:
    for line in cgroups.read(group, "io.stat").splitlines():
        device, *pairs = line.split()
        major, separator, minor = device.partition(":")
        if not separator:
            continue
        for pair in pairs:
            key, _, value = pair.partition("=")
            if key in _BLOCK_KEYS:
                table, operation = _BLOCK_KEYS[key]
                entry = model.block_entry(int(major), int(minor), operation, int(value))
                statistics.blkio.setdefault(table, []).append(entry)


def _cpu(statistics: Statistics, group: str) -> None:
    values = key_values(cgroups.read(group, "cpu.stat"))
    statistics.total = values.get("usage_usec", 0) * _MICROSECOND
    statistics.user = values.get("user_usec", 0) * _MICROSECOND
    statistics.kernel = values.get("system_usec", 0) * _MICROSECOND
    statistics.periods = values.get("nr_periods", 0)
    statistics.throttled = values.get("nr_throttled", 0)
    statistics.throttled_time = values.get("throttled_usec", 0) * _MICROSECOND


def _pressure(statistics: Statistics, group: str, resource: str) -> None:
    """Lines such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`. The kernel can be told not to measure."""
    try:
        lines = cgroups.read(group, f"{resource}.pressure").splitlines()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTSUP, errno.EOPNOTSUPP):
            return
        raise
    nothing: dict[str, Json] = {"avg10": 0, "avg60": 0, "avg300": 0, "total": 0}
    kinds: dict[str, Json] = {"some": nothing, "full": nothing}
    for line in lines:
        kind, *pairs = line.split()
        values: dict[str, Json] = {**nothing}
        for pair in pairs:
            key, _, value = pair.partition("=")
            values[key] = int(value) if key == "total" else _short(float(value))
        kinds[kind] = values
    statistics.pressure[resource] = kinds


def _short(value: float) -> "int | float":
    return int(value) if value.is_integer() else value


def _hugepages(group: str, size: str) -> "Json":
    reserved = f"hugetlb.{size}.rsvd.current"
    file = reserved if os.path.exists(f"{group}/{reserved}") else f"hugetlb.{size}.current"
    failures = key_values(cgroups.read(group, f"hugetlb.{size}.events")).get("max", 0)
    return model.hugepage_entry(int(cgroups.read(group, file)), 0, failures)
