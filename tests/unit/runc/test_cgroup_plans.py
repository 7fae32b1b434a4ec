"""Limits as control files, devices as a policy, group paths."""

import struct
from typing import Any

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import resources_from_json
from slipway.contracts.oci.runtime_resources import DeviceRule
from slipway.linux import bpf
from slipway.runc.plan.cgroup_paths import check_not_root, plan_cgroups
from slipway.runc.plan.cgroup_v1 import plan_limits_v1
from slipway.runc.plan.cgroup_v2 import plan_limits_v2, swap_from_memory_and_swap, weight_from_shares
from slipway.runc.plan.device_rules import DevicePolicy, device_policy, device_policy_writes


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
        "io.weight": "default 1",
        "io.max": "8:1 wiops=5",
        "memory.high": "900",
    }


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
