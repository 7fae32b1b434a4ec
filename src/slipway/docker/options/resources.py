"""Limits of the create and update requests."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options


def resource_limits(options: "Options") -> "dict[str, Any]":
    """The members of Resources that a create request has, but for devices."""
    return {
        "CpuShares": options["cpu-shares"],
        "Memory": options["memory"],
        "NanoCpus": options["cpus"],
        "CgroupParent": options["cgroup-parent"],
        "BlkioWeight": options["blkio-weight"],
        "BlkioWeightDevice": list(options["blkio-weight-device"]),
        "BlkioDeviceReadBps": list(options["device-read-bps"]),
        "BlkioDeviceWriteBps": list(options["device-write-bps"]),
        "BlkioDeviceReadIOps": list(options["device-read-iops"]),
        "BlkioDeviceWriteIOps": list(options["device-write-iops"]),
        "CpuPeriod": options["cpu-period"],
        "CpuQuota": options["cpu-quota"],
        "CpuRealtimePeriod": options["cpu-rt-period"],
        "CpuRealtimeRuntime": options["cpu-rt-runtime"],
        "CpusetCpus": options["cpuset-cpus"],
        "CpusetMems": options["cpuset-mems"],
        "MemoryReservation": options["memory-reservation"],
        "MemorySwap": options["memory-swap"],
        "MemorySwappiness": options["memory-swappiness"],
        "OomKillDisable": options["oom-kill-disable"],
        "PidsLimit": options["pids-limit"],
        "Ulimits": sorted(
            {limit["Name"]: limit for limit in options["ulimit"]}.values(), key=lambda each: each["Name"]
        ),
        "CpuCount": options["cpu-count"],
        "CpuPercent": options["cpu-percent"],
        "IOMaximumIOps": options["io-maxiops"],
        "IOMaximumBandwidth": options["io-maxbandwidth"],
    }
