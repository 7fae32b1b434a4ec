"""The metrics of containers, under the original's names: what a shim's Stats answered, to families. Pure.

Each row of the tables is NAME, UNIT (both make the family's name), HELP and the path of the field in the message.
Source: containerd core/metrics/cgroups/v1 and v2.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any, Final, NamedTuple

from slipway.containerd.metrics.model import Family, Sample
from slipway.containerd.tasks.model import TaskStats
from slipway.contracts.shim_api.metrics import (
    V1_TYPE,
    V2_TYPE,
    BlockStatV1,
    MemoryStatV1,
    MemoryStatV2,
    MetricsV1,
    MetricsV2,
)
from slipway.wire.protobuf import DecodeError, Message, decode

Labels = dict[str, str]
Row = tuple[str, str, str, str]

_PIDS: Final[tuple[Row, ...]] = (
    ("pids", "limit", "The limit to the number of pids allowed", "pids.limit"),
    ("pids", "current", "The current number of pids", "pids.current"),
)
_CPU_V1: Final[tuple[Row, ...]] = (
    ("cpu_total", "nanoseconds", "The total cpu time", "cpu.usage.total"),
    ("cpu_kernel", "nanoseconds", "The total kernel cpu time", "cpu.usage.kernel"),
    ("cpu_user", "nanoseconds", "The total user cpu time", "cpu.usage.user"),
    ("cpu_throttle_periods", "total", "The total cpu throttle periods", "cpu.throttling.periods"),
    ("cpu_throttled_periods", "total", "The total cpu throttled periods", "cpu.throttling.throttled_periods"),
    ("cpu_throttled_time", "nanoseconds", "The total cpu throttled time", "cpu.throttling.throttled_time"),
)
_COUNTERS_V1: Final = ("usage", "swap", "kernel", "kernel_tcp")
_MEMORY_V1: Final[tuple[Row, ...]] = (
    *(
        (f"memory_{name}", "bytes", f"The {name} amount", f"memory.{name}")
        for name in (field.name for field in MemoryStatV1.FIELDS)
        if name not in _COUNTERS_V1
    ),
    *(
        (f"memory_{name.replace('_', '')}_{key}", unit, f"The {name} {key}", f"memory.{name}.{key}")
        for name in _COUNTERS_V1
        for key, unit in (("failcnt", "total"), ("limit", "bytes"), ("max", "bytes"), ("usage", "bytes"))
    ),
)
_CPU_V2: Final[tuple[Row, ...]] = (
    ("cpu_usage_usec", "microseconds", "Total cpu usage (cgroup v2)", "cpu.usage_usec"),
    ("cpu_user_usec", "microseconds", "Current cpu usage in user space (cgroup v2)", "cpu.user_usec"),
    ("cpu_system_usec", "microseconds", "Current cpu usage in kernel space (cgroup v2)", "cpu.system_usec"),
    ("cpu_nr_periods", "total", "Current cpu number of periods (if the controller is enabled)", "cpu.nr_periods"),
    ("cpu_nr_throttled", "total", "How often tasks were throttled (if the controller is enabled)", "cpu.nr_throttled"),
    (
        *("cpu_throttled_usec", "microseconds"),
        *("How long tasks were throttled (if the controller is enabled)", "cpu.throttled_usec"),
    ),
)
_MEMORY_V2: Final[tuple[Row, ...]] = (
    *(
        (f"memory_{name}", "bytes", f"The {name} amount (cgroup v2)", f"memory.{name}")
        for name in (field.name for field in MemoryStatV2.FIELDS)
        if name != "max_usage"
    ),
    ("memory_oom", "total", "The number of times a container has received an oom event", "memory_events.oom"),
)
# Fields that are lists: each entry has labels of its own beside its value.
_BLOCK_V1: Final[tuple[Row, ...]] = tuple(
    (f"blkio_{name}", "bytes" if name == "io_service_bytes_recursive" else "total", f"The {name}", f"blkio.{name}")
    for name in (field.name for field in BlockStatV1.FIELDS)
    if name != "io_wait_time_recursive"
)
_PAGES_V1: Final[tuple[Row, ...]] = (
    ("hugetlb_usage", "bytes", "The hugetlb usage", "usage"),
    ("hugetlb_failcnt", "total", "The hugetlb failcnt", "failcnt"),
    ("hugetlb_max", "bytes", "The hugetlb maximum usage", "max"),
)
_IO_V2: Final[tuple[Row, ...]] = (
    ("io_rbytes", "bytes", "IO bytes read (cgroup v2)", "rbytes"),
    ("io_wbytes", "bytes", "IO bytes written (cgroup v2)", "wbytes"),
    ("io_rios", "total", "Number of read IOs (cgroup v2)", "rios"),
    ("io_wios", "total", "Number of write IOs (cgroup v2)", "wios"),
)


class _Value(NamedTuple):
    row: Row
    labels: Labels
    value: int


def container_families(measured: Iterable[TaskStats]) -> list[Family]:
    """One family for each metric that any of the tasks has. What is no message of a cgroup's counters is left out."""
    families: dict[str, Family] = {}
    for task in measured:
        for (name, unit, text, _), labels, value in _values(task):
            family = families.setdefault(f"{name}_{unit}", Family(name=f"container_{name}_{unit}", help=text))
            labels |= {"container_id": task.id, "namespace": task.namespace, "runtime": task.runtime}
            family.samples.append(Sample(tuple(sorted(labels.items())), value))
    return list(families.values())


def _values(task: TaskStats) -> Iterator[_Value]:
    name = task.stats.type_url.rpartition("/")[2]
    try:
        if name == V1_TYPE:
            yield from _values_v1(decode(MetricsV1, task.stats.value))
        elif name == V2_TYPE:
            yield from _values_v2(decode(MetricsV2, task.stats.value))
    except DecodeError:
        return  # another maker's shim: its containers' other metrics are worth showing


def _values_v1(stats: MetricsV1) -> Iterator[_Value]:
    yield from _single((*_PIDS, *_CPU_V1, *_MEMORY_V1), stats)
    for number, value in enumerate(_field(stats, "cpu.usage.per_cpu") or ()):
        yield _Value(("per_cpu", "nanoseconds", "The total cpu time per cpu", ""), {"cpu": str(number)}, value)
    for row in _PAGES_V1:
        for pages in stats.hugetlb:
            yield _Value(row, {"page": pages.pagesize}, getattr(pages, row[3]))
    for row in _BLOCK_V1:
        for entry in _field(stats, row[3]) or ():
            place = {"op": entry.op, "device": entry.device, "major": str(entry.major), "minor": str(entry.minor)}
            yield _Value(row, place, entry.value)


def _values_v2(stats: MetricsV2) -> Iterator[_Value]:
    yield from _single((*_PIDS, *_CPU_V2, *_MEMORY_V2), stats)
    for row in _IO_V2:
        for entry in _field(stats, "io.usage") or ():
            yield _Value(row, {"major": str(entry.major), "minor": str(entry.minor)}, getattr(entry, row[3]))


def _single(rows: Iterable[Row], stats: Message) -> Iterator[_Value]:
    for row in rows:
        value = _field(stats, row[3])
        if value is not None:
            yield _Value(row, {}, value)


def _field(stats: Message, path: str) -> Any:
    """None where a message on the way is missing: the cgroup has no such controller."""
    return reduce(lambda value, name: None if value is None else getattr(value, name), path.split("."), stats)
