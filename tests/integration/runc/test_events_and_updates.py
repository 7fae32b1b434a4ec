"""What a running container uses, its lack of memory, and new limits for it, on v1 and v2."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slipway.linux import cgroups
from tests.integration.runc.conftest import PRIVATE_MOUNTS, Machine
from tests.support.waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.in_guest

UNIFIED = cgroups.is_unified()


def limited(spec: dict[str, Any]) -> None:
    memory = {"limit": 12 << 20, "swap": 12 << 20}
    spec["linux"]["resources"] |= {"memory": memory, "pids": {"limit": 30}, "cpu": {"quota": 50000, "period": 100000}}


def file_of(machine: Machine, container: str, controller: str, v1: str, v2: str) -> str:
    state = json.loads((machine.root / container / "state.json").read_text())
    groups = state["cgroup_paths"]
    return Path(groups["" if UNIFIED else controller], v2 if UNIFIED else v1).read_text().strip()


def test_statistics_tell_usage_and_limits(machine: Machine) -> None:
    container = machine.started("sleep", "100", change=limited)
    event = json.loads(machine.ok("events", "--stats", container))
    assert (event["type"], event["id"]) == ("stats", container)
    data = event["data"]
    assert data["pids"] == {"current": 1, "limit": 30}
    assert data["memory"]["usage"]["limit"] == 12 << 20
    assert 0 < data["memory"]["usage"]["usage"] <= 12 << 20
    assert data["cpu"]["usage"]["total"] > 0
    assert data["memory"]["raw"]["pgfault"] > 0
    assert data["network_interfaces"] is None


def test_the_stream_tells_of_a_lack_of_memory_and_ends_with_the_group(machine: Machine) -> None:
    bundle = machine.bundle("sh", "-c", "tail /dev/zero; exec sleep 100", change=limited)
    (bundle / "rootfs/bin/tail").symlink_to("busybox")
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    argv = [*PRIVATE_MOUNTS, *machine.runc_argv("events", "--interval", f"{200 * SLOWNESS}ms", "c1")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as stream:
        assert stream.stdout is not None
        kinds = [json.loads(stream.stdout.readline())["type"]]
        machine.ok("start", "c1")
        while "oom" not in kinds:
            kinds.append(json.loads(stream.stdout.readline())["type"])
        assert set(kinds) == {"stats", "oom"}
        machine.ok("delete", "--force", "c1")
        stream.stdout.read()
    assert stream.returncode == 0


def test_half_of_a_pair_of_limits_leaves_the_other_half(machine: Machine) -> None:
    """v2 has one file for the CPU's quota and period, and counts swap alone where callers name the sum."""
    container = machine.started("sleep", "100", change=limited)
    machine.ok("update", "--cpu-quota", "20000", container)
    assert file_of(machine, container, "cpu", "cpu.cfs_period_us", "cpu.max").endswith("100000")
    machine.ok("update", "--cpu-period", "50000", container)
    assert file_of(machine, container, "cpu", "cpu.cfs_quota_us", "cpu.max").startswith("20000")
    machine.ok("update", "--memory-swap", str(40 << 20), container)
    expected = 28 << 20 if UNIFIED else 40 << 20
    assert file_of(machine, container, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max") == str(expected)
    assert file_of(machine, container, "memory", "memory.limit_in_bytes", "memory.max") == str(12 << 20)


def test_a_limit_that_the_kernel_refuses_is_told(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    done = machine.runc("update", "--cpuset-cpus", "99", container)
    assert done.returncode == 1
    assert 'failed to write \\"99\\": write /sys/fs/cgroup/' in done.stderr


def test_a_process_goes_into_a_group_below(machine: Machine) -> None:
    container = machine.started("sleep", "100", change=lambda spec: spec["linux"]["namespaces"].pop())
    state = json.loads((machine.root / container / "state.json").read_text())
    controller = "" if UNIFIED else "memory"
    below = f"{state['cgroup_paths'][controller]}/below"
    os.mkdir(below)
    chosen = "below" if UNIFIED else "memory:below"
    assert "/below\n" in machine.ok("exec", "--cgroup", chosen, container, "cat", "/proc/self/cgroup")
    wait_until(lambda: not Path(below, "cgroup.procs").read_text(), "the process to be gone")
    assert machine.runc("exec", "--cgroup", f"{chosen}/nope", container, "true").returncode == 255
