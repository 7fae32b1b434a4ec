"""`docker stats`: one sample a second from the cgroup's files, as containerd's shim reads them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from slipway.base.errors import EngineError
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.contracts.containerd_api.generated import cgroup1_metrics_pb2, cgroup2_metrics_pb2
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.describe import ZERO_TIME
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.machine_usage import MACHINE_MEMORY, online_processors, system_cpu_nanoseconds

PERIOD: Final = 1.0


async def stats(
    environment: ContainerEnvironment, container: Container, *, stream: bool, one_shot: bool
) -> AsyncIterator[dict[str, Any]]:
    """Samples until the container is removed or the client goes; one, with a previous one in it, without `stream`."""
    previous = _empty()
    while not container.removed.is_set():
        cpu, memory, pids = await _sample(environment, container)
        document = {
            "id": container.id,
            "name": f"/{container.name}",
            "read": rfc3339_from_nanoseconds(environment.clock.now()) if container.state.is_running else ZERO_TIME,
            "preread": previous["read"],
            "cpu_stats": cpu,
            "precpu_stats": previous["cpu"],
            "memory_stats": memory,
            "pids_stats": pids,
            "blkio_stats": {"io_service_bytes_recursive": None},
            "num_procs": 0,
            "storage_stats": {},
            "networks": {},
        }
        if stream or one_shot or previous["cpu"] != _empty()["cpu"] or not container.state.is_running:
            yield document
            if not stream:
                return
        previous = {"read": document["read"], "cpu": cpu}
        await asyncio.sleep(PERIOD)


def _empty() -> dict[str, Any]:
    cpu = {
        "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }
    return {"read": ZERO_TIME, "cpu": cpu}


async def _sample(
    environment: ContainerEnvironment, container: Container
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """cpu_stats, memory_stats, pids_stats; empty ones for a container that does not run."""
    if not container.state.is_running:
        return _empty()["cpu"], {}, {}
    try:
        data = await environment.containerd.tasks.metrics(container.id)
    except EngineError:
        data = None
    if data is None:
        return _empty()["cpu"], {}, {}
    system = await asyncio.to_thread(system_cpu_nanoseconds)
    processors = {"system_cpu_usage": system, "online_cpus": online_processors()}
    if "cgroups.v2" in data.type_url:
        return _from_version_2(cgroup2_metrics_pb2.Metrics.FromString(data.value), processors)
    return _from_version_1(cgroup1_metrics_pb2.Metrics.FromString(data.value), processors)


def _from_version_1(metrics: Any, processors: dict[str, int]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    usage, throttling = metrics.cpu.usage, metrics.cpu.throttling
    cpu = {
        "cpu_usage": {
            "total_usage": usage.total,
            "percpu_usage": list(usage.per_cpu),
            "usage_in_kernelmode": usage.kernel,
            "usage_in_usermode": usage.user,
        },
        **processors,
        "throttling_data": {
            "periods": throttling.periods,
            "throttled_periods": throttling.throttled_periods,
            "throttled_time": throttling.throttled_time,
        },
    }
    memory = {
        "usage": metrics.memory.usage.usage,
        "max_usage": metrics.memory.usage.max,
        "limit": min(metrics.memory.usage.limit, MACHINE_MEMORY),
        "stats": {
            "cache": metrics.memory.cache,
            "rss": metrics.memory.rss,
            "total_inactive_file": metrics.memory.total_inactive_file,
        },
    }
    return cpu, memory, {"current": metrics.pids.current, "limit": metrics.pids.limit}


def _from_version_2(metrics: Any, processors: dict[str, int]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    cpu = {
        "cpu_usage": {
            "total_usage": metrics.cpu.usage_usec * 1000,
            "usage_in_kernelmode": metrics.cpu.system_usec * 1000,
            "usage_in_usermode": metrics.cpu.user_usec * 1000,
        },
        **processors,
        "throttling_data": {
            "periods": metrics.cpu.nr_periods,
            "throttled_periods": metrics.cpu.nr_throttled,
            "throttled_time": metrics.cpu.throttled_usec * 1000,
        },
    }
    memory = {
        "usage": metrics.memory.usage,
        "limit": min(metrics.memory.usage_limit or MACHINE_MEMORY, MACHINE_MEMORY),
        "stats": {
            "anon": metrics.memory.anon,
            "file": metrics.memory.file,
            "inactive_file": metrics.memory.inactive_file,
        },
    }
    return cpu, memory, {"current": metrics.pids.current, "limit": metrics.pids.limit}
