"""What a shim measures, as containerd shows it to Prometheus: on cgroup v1 here, on v2 in the guest."""

import pytest

from slipway.containerd.containers.model import TypedValue
from slipway.containerd.metrics.containers import container_families
from slipway.containerd.tasks.model import TaskStats
from slipway.contracts.shim_api.metrics import V2_TYPE

# Under the names of containerd's core/metrics/cgroups/v1 and v2.
NAMES = {
    True: ("container_cpu_total_nanoseconds", "container_memory_usage_usage_bytes", "container_pids_current"),
    False: ("container_cpu_usage_usec_microseconds", "container_memory_usage_bytes", "container_pids_current"),
}


@pytest.mark.in_guest
def test_a_running_container_uses_something_of_everything(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        stats = await container.client.stats(container.task)
        await container.end()
        task = TaskStats(namespace="test", id=container.id, runtime="r", stats=TypedValue(stats.type_url, stats.value))
        families = {family.name: family.samples for family in container_families([task])}
        for name in NAMES[stats.type_url != V2_TYPE]:
            [sample] = families[name]
            assert sample.value > 0, name
            assert dict(sample.labels) == {"container_id": container.id, "namespace": "test", "runtime": "r"}

    scenario(test)
