"""Stats: the counters of a container's cgroups, read from their files. What a kernel does not count is 0."""

from __future__ import annotations

from slipway.base.errors import NotFound
from slipway.base.files import read_whole
from slipway.contracts.shim_api import metrics
from slipway.wire.protobuf import encode
from slipway.wire.protobuf_known import AnyMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.wire.protobuf import MessageType

UNLIMITED = (1 << 64) - 1
"""How containerd writes "max"."""

_CLOCK_TICK = 10_000_000  # nanoseconds of a USER_HZ (time(7)), the unit of cpuacct.stat


def container_metrics(groups: dict[str, str]) -> AnyMessage:
    """The Metrics of v1 or v2, by what the container is in (`groups`: controller -> folder; "" is v2).

    Raises NotFound when the container has no cgroup.
    """
    if "memory" in groups or "cpuacct" in groups:
        return AnyMessage(type_url=metrics.V1_TYPE, value=encode(_metrics_v1(groups)))
    if "" in groups:
        return AnyMessage(type_url=metrics.V2_TYPE, value=encode(_metrics_v2(groups[""])))
    raise NotFound("cgroup does not exist: not found")


def _metrics_v1(groups: dict[str, str]) -> metrics.MetricsV1:
    cpuacct, pids = groups.get("cpuacct", ""), groups.get("pids", "")
    ticks = _table(f"{cpuacct}/cpuacct.stat")
    throttled = _table(f"{groups.get('cpu', '')}/cpu.stat")
    return metrics.MetricsV1(
        pids=metrics.PidsStat(current=_number(f"{pids}/pids.current"), limit=_pids_limit(f"{pids}/pids.max")),
        cpu=metrics.CpuStatV1(
            usage=metrics.CpuUsageV1(
                total=_number(f"{cpuacct}/cpuacct.usage"),
                kernel=ticks.get("system", 0) * _CLOCK_TICK,
                user=ticks.get("user", 0) * _CLOCK_TICK,
                per_cpu=[_integer(part) for part in _text(f"{cpuacct}/cpuacct.usage_percpu").split()],
            ),
            throttling=metrics.ThrottleV1(
                periods=throttled.get("nr_periods", 0),
                throttled_periods=throttled.get("nr_throttled", 0),
                throttled_time=throttled.get("throttled_time", 0),
            ),
        ),
        memory=_memory_v1(groups.get("memory", "")),
        blkio=_block_v1(groups.get("blkio", "")),
        memory_oom_control=_filled(
            metrics.MemoryOomControlV1, _table(f"{groups.get('memory', '')}/memory.oom_control")
        ),
    )


def _memory_v1(folder: str) -> metrics.MemoryStatV1:
    memory = _filled(metrics.MemoryStatV1, _table(f"{folder}/memory.stat"))
    memory.usage = _entry_v1(f"{folder}/memory.")
    memory.swap = _entry_v1(f"{folder}/memory.memsw.")
    memory.kernel = _entry_v1(f"{folder}/memory.kmem.")
    memory.kernel_tcp = _entry_v1(f"{folder}/memory.kmem.tcp.")
    return memory


def _entry_v1(prefix: str) -> metrics.MemoryEntryV1:
    return metrics.MemoryEntryV1(
        limit=_number(f"{prefix}limit_in_bytes"),
        usage=_number(f"{prefix}usage_in_bytes"),
        max=_number(f"{prefix}max_usage_in_bytes"),
        failcnt=_number(f"{prefix}failcnt"),
    )


def _block_v1(folder: str) -> metrics.BlockStatV1:
    return metrics.BlockStatV1(
        io_service_bytes_recursive=_block_entries(f"{folder}/blkio.throttle.io_service_bytes_recursive"),
        io_serviced_recursive=_block_entries(f"{folder}/blkio.throttle.io_serviced_recursive"),
    )


def _block_entries(path: str) -> list[metrics.BlockEntryV1]:
    """Lines of `8:0 Read 4096`; the last one, `Total 4096`, is skipped."""
    entries = []
    for line in _text(path).splitlines():
        fields = line.split()
        if len(fields) == 3:
            major, _, minor = fields[0].partition(":")
            entries.append(
                metrics.BlockEntryV1(
                    op=fields[1], major=_integer(major), minor=_integer(minor), value=_integer(fields[2])
                )
            )
    return entries


def _metrics_v2(folder: str) -> metrics.MetricsV2:
    memory = _filled(metrics.MemoryStatV2, _table(f"{folder}/memory.stat"))
    memory.usage = _number(f"{folder}/memory.current")
    memory.usage_limit = _number(f"{folder}/memory.max")
    memory.max_usage = _number(f"{folder}/memory.peak")
    memory.swap_usage = _number(f"{folder}/memory.swap.current")
    memory.swap_limit = _number(f"{folder}/memory.swap.max")
    return metrics.MetricsV2(
        pids=metrics.PidsStat(current=_number(f"{folder}/pids.current"), limit=_pids_limit(f"{folder}/pids.max")),
        cpu=_filled(metrics.CpuStatV2, _table(f"{folder}/cpu.stat")),
        memory=memory,
        io=metrics.IoStatV2(usage=_io_entries(f"{folder}/io.stat")),
        memory_events=_filled(metrics.MemoryEvents, _table(f"{folder}/memory.events")),
    )


def _io_entries(path: str) -> list[metrics.IoEntryV2]:
    """Lines of `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`."""
    entries = []
    for line in _text(path).splitlines():
        device, *pairs = line.split()
        major, _, minor = device.partition(":")
        counters = {key: _integer(value) for key, _, value in (pair.partition("=") for pair in pairs)}
        entry = _filled(metrics.IoEntryV2, counters)
        entry.major, entry.minor = _integer(major), _integer(minor)
        entries.append(entry)
    return entries


def _filled(kind: type[MessageType], table: dict[str, int]) -> MessageType:
    """A message whose number fields are those of the same name in `table`."""
    filled: MessageType = kind()
    for field in filled.FIELDS:
        if field.kind == "uint" and field.name in table:
            setattr(filled, field.name, table[field.name])
    return filled


def _pids_limit(path: str) -> int:
    """Here containerd writes 0 for no limit."""
    limit = _number(path)
    return 0 if limit == UNLIMITED else limit


def _table(path: str) -> dict[str, int]:
    pairs = (line.split() for line in _text(path).splitlines())
    return {pair[0]: _integer(pair[1]) for pair in pairs if len(pair) == 2}


def _number(path: str) -> int:
    return _integer(_text(path).strip())


def _integer(text: str) -> int:
    if text == "max":
        return UNLIMITED
    return int(text) if text.isascii() and text.isdigit() else 0


def _text(path: str) -> str:
    try:
        return read_whole(path).decode("ascii", "replace")
    except OSError:
        return ""
