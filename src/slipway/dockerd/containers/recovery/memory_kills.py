"""Memory kills that nobody told us of: the kernel counts them in the container's cgroup until that is removed."""

import asyncio
from typing import Final

from slipway.base.errors import EngineError
from slipway.contracts.containerd_api.generated import cgroup1_metrics_pb2, cgroup2_metrics_pb2
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment

LOOK_SECONDS: Final = 5.0  # a shim that does not answer changes nothing


async def look_for_memory_kills(environment: ContainerEnvironment, container: Container) -> None:
    """Note that the kernel killed for want of memory, if it did while no event could reach us.

    To be called before the task is deleted: the count goes with the cgroup.
    """
    if container.state.out_of_memory:
        return
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            metrics = await environment.containerd.tasks.metrics(container.id)
    except (EngineError, TimeoutError):
        return
    if metrics is None:
        return
    if "cgroups.v2" in metrics.type_url:
        kills = cgroup2_metrics_pb2.Metrics.FromString(metrics.value).memory_events.oom_kill
    else:
        kills = cgroup1_metrics_pb2.Metrics.FromString(metrics.value).memory_oom_control.oom_kill
    if kills:
        container.note(out_of_memory=True)
