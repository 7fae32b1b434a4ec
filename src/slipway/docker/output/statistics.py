"""The columns of `docker stats`. Pure."""

from slipway.docker.output.template_values import Row
from slipway.docker.output.text import short_id
from slipway.docker.output.units import binary_size, decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TABLE = "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"
TITLES = {
    "Container": "CONTAINER",
    "Name": "NAME",
    "ID": "CONTAINER ID",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
    "PIDs": "PIDS",
}
_ABSENT = "--"


def statistics_row(name: str, sample: "Mapping[str, Any] | None", *, truncate: bool) -> Row:
    """One sample of GET /containers/NAME/stats; None where there is none."""
    if sample is None:
        columns = dict.fromkeys(TITLES, lambda: _ABSENT)
        columns.update(Container=lambda: name, ID=lambda: name[:12] if truncate else name)
        columns["MemUsage"] = lambda: f"{_ABSENT} / {_ABSENT}"
        return Row("*container.statsContext", columns)
    used, limit = _memory(sample["memory_stats"])
    received, sent = _network(sample.get("networks") or {})
    read, written = _block_io(sample.get("blkio_stats") or {})
    return Row(
        "*container.statsContext",
        {
            "Container": lambda: name,
            "Name": lambda: sample.get("name", "")[1:] or _ABSENT,
            "ID": lambda: short_id(sample["id"]) if truncate else sample["id"],
            "CPUPerc": lambda: f"{_processor(sample):.2f}%",
            "MemUsage": lambda: f"{binary_size(used)} / {binary_size(limit)}",
            "MemPerc": lambda: f"{used / limit * 100 if limit else 0:.2f}%",
            "NetIO": lambda: f"{decimal_size(received, precision=3)} / {decimal_size(sent, precision=3)}",
            "BlockIO": lambda: f"{decimal_size(read, precision=3)} / {decimal_size(written, precision=3)}",
            "PIDs": lambda: str((sample.get("pids_stats") or {}).get("current", 0)),
        },
    )


def _processor(sample: "Mapping[str, Any]") -> float:
    """Per cent of one processor, between this sample and the one before."""
    now, before = sample["cpu_stats"], sample["precpu_stats"]
    used = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    elapsed = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
    processors = now.get("online_cpus") or len(now["cpu_usage"].get("percpu_usage") or ())
    return used / elapsed * processors * 100 if used > 0 and elapsed > 0 else 0.0


def _memory(memory: "Mapping[str, Any]") -> tuple[int, int]:
    """(used, limit) without the page cache, which the kernel takes back when it needs it."""
    usage = memory.get("usage", 0)
    stats = memory.get("stats") or {}
    cache = stats.get("total_inactive_file", stats.get("inactive_file", 0))
    return usage - cache if cache < usage else usage, memory.get("limit", 0)


def _network(networks: "Mapping[str, Any]") -> tuple[int, int]:
    interfaces = networks.values()
    return sum(each["rx_bytes"] for each in interfaces), sum(each["tx_bytes"] for each in interfaces)


def _block_io(block: "Mapping[str, Any]") -> tuple[int, int]:
    read = written = 0
    for entry in block.get("io_service_bytes_recursive") or ():
        kind = entry["op"][:1].lower()
        read += entry["value"] if kind == "r" else 0
        written += entry["value"] if kind == "w" else 0
    return read, written
