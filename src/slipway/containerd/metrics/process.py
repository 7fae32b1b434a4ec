"""What this process uses, under the names that every Prometheus client has, and which build it is."""

import os
import resource
from typing import Final

from slipway.base.version import VERSION
from slipway.containerd.metrics.model import Family, Sample

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def process_families() -> list[Family]:
    """Reads /proc: for a thread."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b") ")[2].split()  # the name before it may have blanks; see proc(5)
    user, system, started, virtual, resident = (int(fields[at]) for at in (11, 12, 19, 20, 21))
    received, sent = _network()
    values = (
        ("cpu_seconds_total", "counter", "CPU time of the process in seconds.", (user + system) / _TICKS),
        ("open_fds", "gauge", "Number of open file descriptors.", len(os.listdir("/proc/self/fd")) - 1),
        ("max_fds", "gauge", "Limit of open file descriptors.", resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        ("virtual_memory_bytes", "gauge", "Virtual memory in bytes.", virtual),
        ("virtual_memory_max_bytes", "gauge", "Limit of virtual memory in bytes.", _address_space()),
        ("resident_memory_bytes", "gauge", "Resident memory in bytes.", resident * _PAGE),
        ("network_receive_bytes_total", "counter", "Bytes that its network has received.", received),
        ("network_transmit_bytes_total", "counter", "Bytes that its network has sent.", sent),
        ("start_time_seconds", "gauge", "When the process started, since the epoch.", _boot() + started / _TICKS),
    )
    families = [
        Family(name=f"process_{name}", kind=kind, help=text, samples=[Sample((), value)])
        for name, kind, text, value in values
    ]
    return [*families, _build()]


def _network() -> tuple[int, int]:
    """Of all links of the network namespace, loopback too; see proc(5), /proc/net/dev."""
    with open("/proc/self/net/dev", "rb") as file:
        rows = [line.rpartition(b":")[2].split() for line in file if b":" in line]
    return sum(int(row[0]) for row in rows), sum(int(row[8]) for row in rows)


def _build() -> Family:
    labels = (("revision", f"slipway-{VERSION}"), ("version", VERSION))
    samples = [Sample(labels, 1)]
    return Family(
        name="containerd_build_info_total", kind="counter", help="containerd build information", samples=samples
    )


def _address_space() -> int | float:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def _boot() -> int:
    with open("/proc/stat", "rb") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
