"""The document of `runc events --stats`, filled by one reader for each version of control groups."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

# Names of blkio's tables in the document. `ioQueueRecursive` is how the original spells it.
BYTES = "ioServiceBytesRecursive"
OPERATIONS = "ioServicedRecursive"
QUEUED = "ioQueueRecursive"
SERVICE_TIME = "ioServiceTimeRecursive"
WAIT_TIME = "ioWaitTimeRecursive"
MERGED = "ioMergedRecursive"
TIME = "ioTimeRecursive"
SECTORS = "sectorsRecursive"
_TABLES = (BYTES, OPERATIONS, QUEUED, SERVICE_TIME, WAIT_TIME, MERGED, TIME, SECTORS)

CPUSET_NUMBERS = (
    "cpu_exclusive",
    "mem_hardwall",
    "mem_exclusive",
    "memory_migrate",
    "memory_spread_page",
    "memory_spread_slab",
    "memory_pressure",
    "sched_load_balance",
    "sched_relax_domain_level",
)


class MemoryEntry:
    """One of the counters of memory: what is used, the most that was, the limit, and how often that was hit."""

    __slots__ = ("failures", "limit", "maximum", "usage")

    def __init__(self, limit: int = 0, usage: int = 0, maximum: int = 0, failures: int = 0) -> None:
        self.limit = limit
        self.usage = usage
        self.maximum = maximum
        self.failures = failures

    def document(self) -> "Json":
        entry: dict[str, Json] = {"limit": self.limit}
        return entry | _present({"usage": self.usage, "max": self.maximum}) | {"failcnt": self.failures}


class Statistics:
    """Zeros, to be filled. `pressure` is by resource (cpu, memory, io), absent where the kernel does not measure it."""

    __slots__ = (
        "blkio",
        "cache",
        "cpus",
        "cpuset",
        "hugepages",
        "kernel",
        "kernel_memory",
        "kernel_tcp",
        "mems",
        "per_cpu",
        "per_cpu_kernel",
        "per_cpu_user",
        "periods",
        "pids",
        "pids_limit",
        "pressure",
        "raw",
        "swap",
        "throttled",
        "throttled_time",
        "total",
        "usage",
        "user",
    )

    def __init__(self) -> None:
        self.total = self.kernel = self.user = 0
        self.per_cpu: list[int] = []
        self.per_cpu_kernel: list[int] = []
        self.per_cpu_user: list[int] = []
        self.periods = self.throttled = self.throttled_time = 0
        self.cpus: list[int] = []
        self.mems: list[int] = []
        self.cpuset: dict[str, int] = {}
        self.cache = 0
        self.usage = MemoryEntry()
        self.swap = MemoryEntry()
        self.kernel_memory = MemoryEntry()
        self.kernel_tcp = MemoryEntry()
        self.raw: dict[str, int] = {}
        self.pids = self.pids_limit = 0
        self.blkio: dict[str, list[Json]] = {}
        self.hugepages: dict[str, Json] = {}
        self.pressure: dict[str, Json] = {}

    def document(self) -> "Json":
        return {
            "cpu": self._cpu(),
            "cpuset": {
                **_present({"cpus": [*self.cpus], "mems": [*self.mems]}),
                **{name: self.cpuset.get(name, 0) for name in CPUSET_NUMBERS},
            },
            "memory": self._memory(),
            "pids": _present({"current": self.pids, "limit": self.pids_limit}),
            "blkio": {
                **_present({name: [*self.blkio.get(name, [])] for name in _TABLES}),
                **self._pressure_of("io"),
            },
            "hugetlb": {**self.hugepages},
            "intel_rdt": {},
            "network_interfaces": None,
        }

    def _cpu(self) -> "Json":
        usage: dict[str, Json] = {"total": self.total, "percpu": [*self.per_cpu]}
        usage |= {"percpu_kernel": [*self.per_cpu_kernel], "percpu_user": [*self.per_cpu_user]}
        throttling: dict[str, Json] = {"periods": self.periods, "throttledPeriods": self.throttled}
        throttling["throttledTime"] = self.throttled_time
        return {
            "usage": {**_present(usage), "kernel": self.kernel, "user": self.user},
            "throttling": _present(throttling),
            **self._pressure_of("cpu"),
        }

    def _memory(self) -> "Json":
        return {
            **_present({"cache": self.cache}),
            "usage": self.usage.document(),
            "swap": self.swap.document(),
            "kernel": self.kernel_memory.document(),
            "kernelTCP": self.kernel_tcp.document(),
            **_present({"raw": {**self.raw}}),
            **self._pressure_of("memory"),
        }

    def _pressure_of(self, resource: str) -> "dict[str, Json]":
        return {"psi": self.pressure[resource]} if resource in self.pressure else {}


def block_entry(major: int, minor: int, operation: str, value: int) -> "Json":
    return _present({"major": major, "minor": minor, "op": operation, "value": value})


def hugepage_entry(usage: int, maximum: int, failures: int) -> "Json":
    return {**_present({"usage": usage, "max": maximum}), "failcnt": failures}


def numbers_from_ranges(text: str) -> list[int]:
    """`0-2,5` as 0, 1, 2, 5. Raises ValueError."""
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, separator, last = part.partition("-")
        numbers.extend(range(int(first), int(last if separator else first) + 1))
    return numbers


def _present(values: "dict[str, Json]") -> "dict[str, Json]":
    return {name: value for name, value in values.items() if value}
