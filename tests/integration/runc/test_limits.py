"""Each limit of a configuration where the kernel keeps it; and what becomes of one that the kernel has not."""

from pathlib import Path
from typing import Any

import pytest

from slipway.linux import cgroups
from tests.integration.runc.conftest import Machine
from tests.support.skips import skip_without

pytestmark = pytest.mark.root

MIB = 1 << 20


@pytest.fixture(autouse=True)
def v1() -> None:
    """The names of files below are v1's: the guest's test of systemd compares those of v2."""
    if cgroups.is_unified():
        skip_without("cgroup-v1")


def disk() -> tuple[int, int]:
    """(major, minor) of a whole disk of this machine."""
    for line in Path("/proc/partitions").read_text().splitlines()[2:]:
        major, minor, _, name = line.split()
        if Path("/sys/block", name).exists():
            return int(major), int(minor)
    pytest.fail("this machine has no disk")


def throttled(kind: str) -> dict[str, Any]:
    major, minor = disk()
    return {"blockIO": {f"throttle{kind}Device": [{"major": major, "minor": minor, "rate": 5 * MIB}]}}


def limited(resources: dict[str, Any]) -> Any:
    return lambda spec: spec["linux"]["resources"].update(resources)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("resources", "file", "lines"),
    [
        ({"cpu": {"shares": 512}}, "cpu/cpu.shares", {"512"}),
        ({"cpu": {"idle": 1}}, "cpu/cpu.idle", {"1"}),
        ({"blockIO": {"weight": 500}}, "blkio/blkio.bfq.weight", {"500"}),
        ({"cpu": {"quota": 50000, "burst": 20000}}, "cpu/cpu.cfs_burst_us", {"20000"}),
        ({"memory": {"swappiness": 33}}, "memory/memory.swappiness", {"33"}),
        ({"memory": {"kernelTCP": 32 * MIB}}, "memory/memory.kmem.tcp.limit_in_bytes", {f"{32 * MIB}"}),
        (
            {"memory": {"limit": 64 * MIB, "disableOOMKiller": True}},
            "memory/memory.oom_control",
            {"oom_kill_disable 1"},
        ),
        ({"memory": {"limit": MIB, "checkBeforeUpdate": True}}, "memory/memory.limit_in_bytes", {f"{MIB}"}),
        (
            {"devices": [{"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}]},
            "devices/devices.list",
            {"c 10:229 rw"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_limit_is_where_the_kernel_keeps_it(
    machine: Machine, resources: dict[str, Any], file: str, lines: set[str]
) -> None:
    bundle = machine.bundle("sleep", "1000", change=limited(resources))
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    controller, _, name = file.partition("/")
    point = cgroups.discover().points[controller]
    assert lines <= set(Path(point, machine.group, "1", name).read_text().splitlines())


@pytest.mark.matrix
@pytest.mark.parametrize("way", ["ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"])
def test_a_disk_can_be_slowed_down(machine: Machine, way: str) -> None:
    bundle = machine.bundle("sleep", "1000", change=limited(throttled(way)))
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    name = f"blkio.throttle.{way[:-4].lower()}_{way[-4:].lower()}_device" if "IOPS" in way else ""
    name = name or f"blkio.throttle.{way[:-3].lower()}_bps_device"
    group = Path(cgroups.discover().points["blkio"], machine.group, "1")
    assert (group / name).read_text() == f"{disk()[0]}:{disk()[1]} {5 * MIB}\n"


WEIGHT_OF_A_DISK = {"major": 8, "minor": 0, "weight": 300, "leafWeight": 300}


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("resources", "controller", "file"),
    [
        ({"blockIO": {"leafWeight": 500}}, "blkio", "blkio.leaf_weight"),
        ({"blockIO": {"weightDevice": [WEIGHT_OF_A_DISK]}}, "blkio", "weight_device"),
        ({"hugepageLimits": [{"pageSize": "2MB", "limit": MIB}]}, "hugetlb", "hugetlb"),
        ({"network": {"classID": 1048577}}, "net_cls", "net_cls"),
        ({"network": {"priorities": [{"name": "lo", "priority": 5}]}}, "net_prio", "net_prio"),
        ({"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 100}}}, "rdma", "rdma"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_limit_that_the_kernel_has_not_is_no_limit_that_is_forgotten(
    machine: Machine, resources: dict[str, Any], controller: str, file: str
) -> None:
    """Where it has, the OCI validation programs look whether it holds: docs/conformance/oci-validation.md."""
    done = machine.run("true", change=limited(resources))
    if controller not in cgroups.discover().points:
        assert f"cannot set {controller} limit: container could not join or create cgroup" in done.stderr
    elif done.returncode:
        assert file in done.stderr
    assert machine.containers() == []
    assert machine.groups() == []


def test_real_time_that_the_group_above_has_not_is_refused(machine: Machine) -> None:
    if not Path(cgroups.discover().points["cpu"], "cpu.rt_runtime_us").exists():
        skip_without("real-time-groups")
    container = machine.started("sleep", "1000")
    machine.ok("update", "--cpu-rt-period", "1000000", "--cpu-rt-runtime", "0", container)
    done = machine.runc("update", "--cpu-rt-runtime", "500000", container)
    assert done.returncode == 1
    assert "cpu.rt_runtime_us: invalid argument" in done.stderr
