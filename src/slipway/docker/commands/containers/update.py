"""docker update."""

from slipway.base.errors import EngineError, InvalidArgument
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.options.container_config import restart_policy
from slipway.docker.options.flags import Flag, integer, size, text
from slipway.docker.options.quantities import integer_parser, nano_cpus_from_text, swap_from_text
from slipway.docker.session import fail_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_UNCHANGED = {  # what the API's Resources has besides, in the form that changes nothing
    **dict.fromkeys(("CgroupParent",), ""),
    **dict.fromkeys(("CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"), 0),
    **dict.fromkeys(
        (
            "BlkioWeightDevice",
            "BlkioDeviceReadBps",
            "BlkioDeviceWriteBps",
            "BlkioDeviceReadIOps",
            "BlkioDeviceWriteIOps",
            "Devices",
            "DeviceCgroupRules",
            "DeviceRequests",
            "MemorySwappiness",
            "OomKillDisable",
            "Ulimits",
        )
    ),
}


def _flags() -> list[Flag]:
    return [
        integer(
            "blkio-weight",
            "Weight of block I/O, from 10 to 1000, or 0 for none (default 0)",
            type_name="uint16",
            convert=integer_parser(16, signed=False),
        ),
        integer("cpu-period", "Length of a period of the CPU's fair scheduler"),
        integer("cpu-quota", "CPU time within a period of the fair scheduler"),
        integer("cpu-rt-period", "Length of a period of the real-time scheduler, in microseconds"),
        integer("cpu-rt-runtime", "CPU time within a period of the real-time scheduler, in microseconds"),
        integer("cpu-shares", "CPU shares (a relative weight)", short="c"),
        Flag("cpus", "Number of CPUs", type_name="decimal", convert=nano_cpus_from_text, default=0),
        text("cpuset-cpus", "CPUs to run on (0-3, 0,1)"),
        text("cpuset-mems", "Memory nodes to use (0-3, 0,1)"),
        size("kernel-memory", is_hidden=True),
        size("memory", "Limit of memory", short="m"),
        size("memory-reservation", "Memory that is left to the container when memory is short"),
        size("memory-swap", "Limit of memory and swap together: -1 for unlimited swap", convert=swap_from_text),
        integer("pids-limit", "Limit of processes (-1 for unlimited)"),
        text("restart", "When to restart the container after it exits"),
    ]


def _run(session: "Session", options: "Options") -> int:
    if not options.changed:
        raise InvalidArgument("you must provide one or more flags when using this command")
    request = _request(options)
    errors: list[EngineError] = []
    warnings: list[str] = []
    for name in options.arguments:
        try:
            answer = session.engine.post(f"/containers/{name}/update", None, request)
        except EngineError as error:
            errors.append(error)
            continue
        session.print(name)
        warnings += (answer or {}).get("Warnings") or ()
    if warnings:
        session.print("\n".join(warnings))
    fail_together(errors)
    return 0


def _request(options: "Options") -> "dict[str, Any]":
    members = {
        "BlkioWeight": "blkio-weight",
        "CpusetCpus": "cpuset-cpus",
        "CpusetMems": "cpuset-mems",
        "CpuShares": "cpu-shares",
        "Memory": "memory",
        "MemoryReservation": "memory-reservation",
        "MemorySwap": "memory-swap",
        "CpuPeriod": "cpu-period",
        "CpuQuota": "cpu-quota",
        "CpuRealtimePeriod": "cpu-rt-period",
        "CpuRealtimeRuntime": "cpu-rt-runtime",
        "NanoCpus": "cpus",
    }
    request: dict[str, Any] = {**_UNCHANGED, **{member: options[flag] for member, flag in members.items()}}
    request["PidsLimit"] = options["pids-limit"] or None
    if options["kernel-memory"]:
        request["KernelMemory"] = options["kernel-memory"]
    request["RestartPolicy"] = restart_policy(options["restart"])
    return request


UPDATE = Command(
    _run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    arguments=(1, UNLIMITED),
    flags=_flags,
    names=("container update", "update"),
)
