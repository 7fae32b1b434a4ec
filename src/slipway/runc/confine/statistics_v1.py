"""Usage from the control files of cgroup v1."""

import os

from slipway.linux import cgroups
from slipway.runc.confine import statistics_model as model
from slipway.runc.confine.statistics_model import MemoryEntry, Statistics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

_SECOND = 1_000_000_000
_TICK = _SECOND // os.sysconf("SC_CLK_TCK")
# Which files there are depends on the scheduler of block devices and on the kernel: the first set that is there, from
# its first file on, is taken.
_WHOLE = (
    ("sectors_recursive", model.SECTORS),
    ("io_service_time_recursive", model.SERVICE_TIME),
    ("io_wait_time_recursive", model.WAIT_TIME),
    ("io_merged_recursive", model.MERGED),
    ("io_queued_recursive", model.QUEUED),
    ("time_recursive", model.TIME),
    ("io_serviced_recursive", model.OPERATIONS),
    ("io_service_bytes_recursive", model.BYTES),
)
_SHORT = _WHOLE[-2:]
_OWN = (("io_serviced", model.OPERATIONS), ("io_service_bytes", model.BYTES))
_BLOCK_SETS = (
    ("blkio.bfq.", _WHOLE),
    ("blkio.bfq.", _SHORT),
    ("blkio.", _WHOLE),
    ("blkio.throttle.", _SHORT),
    ("blkio.throttle.", _OWN),
)


def read(statistics: Statistics, groups: dict[str, str], hugepage_sizes: list[str]) -> None:
    """Fill in what each controller that the container has says. Raises OSError, ValueError."""
    for controller, reader in _READERS.items():
        if controller in groups and os.path.isdir(groups[controller]):
            reader(statistics, groups[controller])
    if "hugetlb" in groups:
        for size in hugepage_sizes:
            statistics.hugepages[size] = _hugepages(groups["hugetlb"], size)


def _number(group: str, file: str) -> int:
    return int(cgroups.read(group, file))


def _cpu(statistics: Statistics, group: str) -> None:
    values = key_values(cgroups.read(group, "cpu.stat"))
    statistics.periods = values.get("nr_periods", 0)
    statistics.throttled = values.get("nr_throttled", 0)
    statistics.throttled_time = values.get("throttled_time", 0)


def _cpuacct(statistics: Statistics, group: str) -> None:
    values = key_values(cgroups.read(group, "cpuacct.stat"))
    statistics.user = values["user"] * _TICK
    statistics.kernel = values["system"] * _TICK
    statistics.total = _number(group, "cpuacct.usage")
    statistics.per_cpu = [int(word) for word in cgroups.read(group, "cpuacct.usage_percpu").split()]
    try:
        lines = cgroups.read(group, "cpuacct.usage_all").splitlines()[1:]
    except FileNotFoundError:
        return
    rows = [line.split() for line in lines]
    statistics.per_cpu_user = [int(row[1]) for row in rows]
    statistics.per_cpu_kernel = [int(row[2]) for row in rows]


def _cpuset(statistics: Statistics, group: str) -> None:
    statistics.cpus = model.numbers_from_ranges(cgroups.read(group, "cpuset.cpus"))
    statistics.mems = model.numbers_from_ranges(cgroups.read(group, "cpuset.mems"))
    for name in model.CPUSET_NUMBERS:
        statistics.cpuset[name] = _number(group, f"cpuset.{name}")


def _memory(statistics: Statistics, group: str) -> None:
    statistics.raw = key_values(cgroups.read(group, "memory.stat"))
    statistics.cache = statistics.raw.get("cache", 0)
    statistics.usage = _memory_entry(group, "memory")
    statistics.swap = _optional_memory_entry(group, "memory.memsw")
    statistics.kernel_memory = _optional_memory_entry(group, "memory.kmem")
    statistics.kernel_tcp = _optional_memory_entry(group, "memory.kmem.tcp")


def _optional_memory_entry(group: str, name: str) -> MemoryEntry:
    """Accounting of swap and kernel memory can be off, and newer kernels have no limit of the latter."""
    try:
        return _memory_entry(group, name)
    except FileNotFoundError:
        return MemoryEntry()


def _memory_entry(group: str, name: str) -> MemoryEntry:
    usage = _number(group, f"{name}.usage_in_bytes")
    entry = MemoryEntry(0, usage, _number(group, f"{name}.max_usage_in_bytes"), _number(group, f"{name}.failcnt"))
    try:
        entry.limit = _number(group, f"{name}.limit_in_bytes")
    except FileNotFoundError:
        if name != "memory.kmem":
            raise
    return entry


def _pids(statistics: Statistics, group: str) -> None:
    statistics.pids = _number(group, "pids.current")
    limit = cgroups.read(group, "pids.max")
    statistics.pids_limit = 0 if limit == "max" else int(limit)


def _blkio(statistics: Statistics, group: str) -> None:
    for prefix, tables in _BLOCK_SETS:
        found = {}
        for file, table in tables:
            found[table] = _block_table(group, f"{prefix}{file}")
            if not found[table]:
                break
        statistics.blkio.update({table: entries for table, entries in found.items() if entries})
        if found[tables[0][1]]:
            return


def _block_table(group: str, file: str) -> "list[Json]":
    """Lines such as `8:0 Read 4096` or `8:0 4096`, and a total, which readers make themselves."""
    try:
        lines = cgroups.read(group, file).splitlines()
    except FileNotFoundError:
        return []
    entries = []
    for line in lines:
        words = line.replace(":", " ").split()
        if len(words) >= 3:
            operation = words[2] if len(words) == 4 else ""
            entries.append(model.block_entry(int(words[0]), int(words[1]), operation, int(words[-1])))
    return entries


def _hugepages(group: str, size: str) -> "Json":
    prefix = f"hugetlb.{size}.rsvd"
    if not os.path.exists(f"{group}/{prefix}.usage_in_bytes"):
        prefix = f"hugetlb.{size}"
    files = ("usage_in_bytes", "max_usage_in_bytes", "failcnt")
    return model.hugepage_entry(*(_number(group, f"{prefix}.{file}") for file in files))


def key_values(text: str) -> dict[str, int]:
    """Lines of a name and a number."""
    return {name: int(value) for name, _, value in (line.partition(" ") for line in text.splitlines())}


_READERS = {
    "cpuset": _cpuset,
    "memory": _memory,
    "cpu": _cpu,
    "cpuacct": _cpuacct,
    "pids": _pids,
    "blkio": _blkio,
}
