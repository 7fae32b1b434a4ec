"""Limits as control files, devices as a policy, group paths."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.base.errors import InternalError, InvalidArgument
from slipway.contracts.oci.runtime import resources_from_json
from slipway.contracts.oci.runtime_resources import DeviceRule, Resources
from slipway.linux import bpf
from slipway.runc.confine.cgroups import apply_limits, change_limits
from slipway.runc.plan.cgroup_paths import check_not_root, plan_cgroups
from slipway.runc.plan.cgroup_v1 import plan_limits_v1
from slipway.runc.plan.cgroup_v2 import plan_limits_v2, swap_from_memory_and_swap, weight_from_shares
from slipway.runc.plan.cgroup_write import CgroupWrite
from slipway.runc.plan.device_rules import DevicePolicy, device_policy, device_policy_writes
from slipway.runc.plan.update import complete_update


def files(writes: list[Any]) -> dict[str, str]:
    return {write.file: write.value for write in writes}


def test_no_resources_change_nothing() -> None:
    empty = resources_from_json({})
    assert plan_limits_v1(empty) == []
    assert plan_limits_v2(empty) == []


def test_limits_of_v1() -> None:
    resources = resources_from_json(
        {
            "memory": {
                "limit": 1000,
                "swap": 2000,
                "reservation": 500,
                "disableOOMKiller": True,
                "kernelTCP": 600,
                "swappiness": 10,
            },
            "cpu": {"shares": 512, "quota": 5000, "period": 10000, "cpus": "0-1", "mems": "0"},
            "pids": {"limit": -1},
            "blockIO": {"weight": 100, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 77}]},
            "hugepageLimits": [{"pageSize": "2MB", "limit": 9}],
        }
    )
    assert files(plan_limits_v1(resources)) == {
        "memory.limit_in_bytes": "1000",
        "memory.memsw.limit_in_bytes": "2000",
        "memory.soft_limit_in_bytes": "500",
        "memory.kmem.tcp.limit_in_bytes": "600",
        "memory.oom_control": "1",
        "memory.swappiness": "10",
        "cpu.shares": "512",
        "cpu.cfs_period_us": "10000",
        "cpu.cfs_quota_us": "5000",
        "cpuset.cpus": "0-1",
        "cpuset.mems": "0",
        "pids.max": "max",
        "blkio.weight": "100",
        "blkio.throttle.read_bps_device": "8:0 77",
        "hugetlb.2MB.limit_in_bytes": "9",
        "hugetlb.2MB.rsvd.limit_in_bytes": "9",
    }


def test_limits_of_v2() -> None:
    resources = resources_from_json(
        {
            "memory": {"limit": 1000, "swap": 3000, "reservation": 500},
            "cpu": {"shares": 1024, "quota": 5000, "cpus": "0"},
            "pids": {"limit": 20},
            "blockIO": {"weight": 10, "throttleWriteIOPSDevice": [{"major": 8, "minor": 1, "rate": 5}]},
            "unified": {"memory.high": "900"},
        }
    )
    assert files(plan_limits_v2(resources)) == {
        "memory.max": "1000",
        "memory.swap.max": "2000",
        "memory.low": "500",
        "cpu.weight": "100",
        "cpu.max": "5000 100000",
        "cpuset.cpus": "0",
        "pids.max": "20",
        "io.bfq.weight": "default 10",
        "io.max": "8:1 wiops=5",
        "memory.high": "900",
    }


def applied(folder: Path, controller: str, writes: list[CgroupWrite], *present: str) -> dict[str, str]:
    """What the files of a group hold afterwards, which were there and empty."""
    folder.mkdir(exist_ok=True)
    for name in present:
        (folder / name).write_text("")
    apply_limits({controller: str(folder)}, writes)
    return {path.name: path.read_text() for path in folder.iterdir() if path.read_text()}


def test_what_a_kernel_does_not_count_need_not_be_limited(tmp_path: Path) -> None:
    """Huge pages that are only reserved (5.7), swap that is all or nothing, v1's burst (5.14)."""
    pages = resources_from_json({"hugepageLimits": [{"pageSize": "2MB", "limit": 9}]})
    assert applied(tmp_path / "a", "", plan_limits_v2(pages), "hugetlb.2MB.max") == {"hugetlb.2MB.max": "9"}
    both = ("hugetlb.2MB.max", "hugetlb.2MB.rsvd.max")
    assert applied(tmp_path / "b", "", plan_limits_v2(pages), *both) == dict.fromkeys(both, "9")
    same = resources_from_json({"memory": {"limit": 1000, "swap": 1000}})
    assert applied(tmp_path / "c", "", plan_limits_v2(same), "memory.max") == {"memory.max": "1000"}
    free = resources_from_json({"memory": {"limit": -1}})
    file = "memory.limit_in_bytes"
    assert applied(tmp_path / "d", "memory", plan_limits_v1(free), file) == {file: "-1"}
    burst = resources_from_json({"cpu": {"quota": 5000, "burst": 100}})
    assert applied(tmp_path / "e", "cpu", plan_limits_v1(burst), "cpu.cfs_quota_us") == {"cpu.cfs_quota_us": "5000"}
    some = resources_from_json({"memory": {"limit": 1000, "swap": 1500}})
    with pytest.raises(InternalError, match=r"memory\.swap\.max"):
        applied(tmp_path / "f", "", plan_limits_v2(some), "memory.max")


@pytest.mark.parametrize(
    ("controller", "plan", "file", "value"),
    [
        ("", plan_limits_v2, "io.bfq.weight", "default 500"),
        ("", plan_limits_v2, "io.weight", "default 4950"),
        ("blkio", plan_limits_v1, "blkio.bfq.weight", "500"),
        ("blkio", plan_limits_v1, "blkio.weight", "500"),
    ],
)
def test_a_weight_is_told_to_the_scheduler_that_is_there(
    tmp_path: Path, controller: str, plan: Callable[[Resources], list[CgroupWrite]], file: str, value: str
) -> None:
    """BFQ, which does not look at io.weight, counts as v1 does."""
    resources = resources_from_json({"blockIO": {"weight": 500}})
    assert applied(tmp_path, controller, plan(resources), file) == {file: value}


def test_weights_of_devices_have_leaves_too() -> None:
    device = {"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}
    writes = plan_limits_v1(resources_from_json({"blockIO": {"weightDevice": [device]}}))
    assert files(writes) == {"blkio.weight_device": "8:0 500", "blkio.leaf_weight_device": "8:0 300"}


def test_a_change_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "cpu.shares").write_text("1024")
    writes = [CgroupWrite("cpu", "cpu.shares", 77), CgroupWrite("cpu", "no/such.file", 1)]
    with pytest.raises(InternalError):
        change_limits({"cpu": str(tmp_path)}, writes)
    assert (tmp_path / "cpu.shares").read_text() == "1024"


@pytest.mark.parametrize("key", ["../memory.max", "/etc/passwd", "x", "."])
def test_unified_keys_are_file_names(key: str) -> None:
    with pytest.raises(InvalidArgument):
        plan_limits_v2(resources_from_json({"unified": {key: "1"}}))


def test_shares_keep_minimum_default_and_maximum() -> None:
    assert [weight_from_shares(shares) for shares in (2, 1024, 262144)] == [1, 100, 10000]
    weights = [weight_from_shares(shares) for shares in range(2, 262144, 999)]
    assert weights == sorted(weights)


def test_swap_alone() -> None:
    assert swap_from_memory_and_swap(0, 0) is None
    assert swap_from_memory_and_swap(-1, 100) == -1
    assert swap_from_memory_and_swap(150, 100) == 50
    for both, memory in ((50, 100), (50, 0)):
        with pytest.raises(InvalidArgument):
            swap_from_memory_and_swap(both, memory)


def rule(allow: bool, kind: str, major: int | None, minor: int | None, access: str) -> DeviceRule:
    return DeviceRule(allow, kind, major, minor, access)


DENY_ALL = rule(False, "a", None, None, "rwm")
ALLOW_ALL = rule(True, "a", None, None, "rwm")


def test_an_empty_list_denies() -> None:
    writes = device_policy_writes(device_policy([]))
    assert writes[0] == ("devices.deny", "a")
    assert ("devices.allow", "c 1:3 rwm") in writes
    assert ("devices.allow", "b *:* m") in writes


def test_allowing_all_is_the_policy_of_privileged_containers() -> None:
    assert device_policy_writes(device_policy([DENY_ALL, ALLOW_ALL])) == [("devices.allow", "a")]


def test_the_rules_of_the_specification_come_first_and_in_their_order() -> None:
    rules = [DENY_ALL, rule(True, "c", 10, 229, "rwm"), rule(True, "b", 8, 20, "rw"), rule(True, "b", 8, 16, "r")]
    writes = device_policy_writes(device_policy(rules))
    assert writes[:4] == [
        ("devices.deny", "a"),
        ("devices.allow", "c 10:229 rwm"),
        ("devices.allow", "b 8:20 rw"),
        ("devices.allow", "b 8:16 r"),
    ]


def test_what_was_allowed_can_be_denied_again() -> None:
    policy = DevicePolicy()
    for one in (DENY_ALL, rule(True, "b", 8, 0, "rwm"), rule(False, "b", 8, 0, "w")):
        policy.add(one)
    assert policy.entries() == [("b", 8, 0, "rm")]


ACCESS = {"m": 1, "r": 2, "w": 4}


def run_program(program: bytes, kind: str, access: str, major: int, minor: int) -> bool:
    """A tiny interpreter of the opcodes that device programs use: what the kernel would answer."""
    context = {0: (sum(ACCESS[letter] for letter in access) << 16) | (1 if kind == "b" else 2), 4: major, 8: minor}
    registers = [0] * 6
    position = 0
    instructions = list(struct.iter_unpack("=BBhi", program))
    while True:
        code, both, offset, constant = instructions[position]
        target, source = both & 15, both >> 4
        position += 1
        if code == 0x61:
            registers[target] = context[offset]
        elif code == 0x54:
            registers[target] &= constant
        elif code == 0x74:
            registers[target] >>= constant
        elif code == 0xB4:
            registers[target] = constant
        elif code == 0xBC:
            registers[target] = registers[source]
        elif code == 0x56:
            position += offset if registers[target] != constant else 0
        elif code == 0x16:
            position += offset if registers[target] == constant else 0
        elif code == 0x5E:
            position += offset if registers[target] != registers[source] else 0
        else:
            assert code == 0x95
            return bool(registers[0])


@pytest.mark.parametrize(
    ("kind", "access", "major", "minor", "allowed"),
    [
        ("c", "rw", 1, 3, True),
        ("c", "m", 99, 99, True),
        ("b", "m", 8, 0, True),
        ("c", "r", 99, 99, False),
        ("b", "r", 8, 0, False),
        ("c", "rwm", 136, 7, True),
        ("c", "rm", 1, 2, False),
        ("b", "r", 1, 3, False),
    ],
)
def test_the_default_program_answers_as_the_list_says(
    kind: str, access: str, major: int, minor: int, allowed: bool
) -> None:
    policy = device_policy([DENY_ALL])
    program = bpf.device_program(policy.default_allow, policy.entries())
    assert run_program(program, kind, access, major, minor) is allowed


def test_a_privileged_program_allows_all_but_what_is_denied() -> None:
    policy = DevicePolicy()
    for one in (ALLOW_ALL, rule(False, "b", 8, 0, "w")):
        policy.add(one)
    program = bpf.device_program(policy.default_allow, policy.entries())
    assert run_program(program, "c", "rwm", 5, 5)
    assert run_program(program, "b", "r", 8, 0)
    assert not run_program(program, "b", "rw", 8, 0)


POINTS = {"memory": "/sys/fs/cgroup/memory", "pids": "/sys/fs/cgroup/pids"}


def test_group_paths() -> None:
    own = {"memory": "/me", "pids": "/"}
    assert plan_cgroups("/docker/x", "x", POINTS, own)["memory"] == "/sys/fs/cgroup/memory/docker/x"
    assert plan_cgroups("", "x", POINTS, own) == {
        "memory": "/sys/fs/cgroup/memory/me/x",
        "pids": "/sys/fs/cgroup/pids/x",
    }


def test_on_v2_a_relative_path_counts_from_above_our_own_group() -> None:
    points = {"": "/sys/fs/cgroup"}
    assert plan_cgroups("a", "x", points, {"": "/user.slice/session-1.scope"}) == {"": "/sys/fs/cgroup/user.slice/a"}
    assert plan_cgroups("", "x", points, {"": "/"}) == {"": "/sys/fs/cgroup/x"}
    assert plan_cgroups("/docker/x", "x", points, {"": "/a/b"}) == {"": "/sys/fs/cgroup/docker/x"}


@pytest.mark.parametrize("path", ["/..", "a/../../b"])
def test_group_paths_do_not_climb(path: str) -> None:
    with pytest.raises(InvalidArgument):
        plan_cgroups(path, "x", POINTS, {})


def test_limits_never_fall_on_the_whole_machine() -> None:
    with pytest.raises(InvalidArgument):
        check_not_root(plan_cgroups("/", "x", POINTS, {}), POINTS)


def test_device_numbers_of_32_bits_fit_into_a_program() -> None:
    """It was an exception of struct."""
    assert bpf.device_program(False, [("c", (1 << 32) - 1, 1 << 31, "rwm")])


def test_a_change_of_half_a_pair_keeps_the_other_half() -> None:
    """systemd is told of both as one number."""
    present = {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}
    for given, other in (({"period": 200000}, (50000, 200000)), ({"quota": 20000}, (20000, 100000))):
        resources = resources_from_json({"cpu": given})
        complete_update(resources, unified=False, read=lambda file: present.get(file, ""))
        assert (resources.cpu.quota, resources.cpu.period) == other
    unlimited = resources_from_json({"cpu": {"period": 200000}})
    complete_update(unlimited, unified=False, read=lambda file: {"cpu.cfs_quota_us": "-1"}.get(file, ""))
    assert unlimited.cpu.quota is None
