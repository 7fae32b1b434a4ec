"""A container as a unit of systemd: place, properties, limits, devices, annotations; and who owns its group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import resources_from_json, spec_from_json
from slipway.contracts.oci.runtime_resources import DeviceRule
from slipway.runc.confine.systemd import version_from_text
from slipway.runc.plan.delegation import group_owner
from slipway.runc.plan.device_rules import DevicePolicy, device_policy
from slipway.runc.plan.unit_limits import bits_from_list, rounded_quota, unit_limits_v1, unit_limits_v2
from slipway.runc.plan.unit_place import expand_slice, plan_unit, plan_unit_groups, root_of_manager
from slipway.runc.plan.unit_properties import annotated_properties, device_properties, scope_properties
from slipway.wire.dbus_values import Variant

if TYPE_CHECKING:
    from slipway.base.json_text import Json

NEWEST = 999
INFINITY = (1 << 64) - 1


def values(properties: list[tuple[str, Variant]]) -> dict[str, Any]:
    return {name: variant.value for name, variant in properties}


def test_a_container_without_a_path_is_a_scope_of_the_system() -> None:
    place = plan_unit("", "box", user=False)
    assert (place.slice, place.unit, place.name) == ("system.slice", "runc-box.scope", "box")
    assert plan_unit("", "box", user=True).slice == "user.slice"


def test_a_path_names_slice_prefix_and_name() -> None:
    place = plan_unit("machine-a.slice:libpod:box", "id", user=False)
    assert (place.slice, place.unit, place.name) == ("machine-a.slice", "libpod-box.scope", "box")
    assert place.group == "/machine.slice/machine-a.slice/libpod-box.scope"
    assert plan_unit(":docker:box", "id", user=False).slice == "system.slice"


@pytest.mark.parametrize(
    "path",
    [
        *("/docker/box", "a:b", "a:b:c:d", "system.slice:docker:../x", "a.slice:b:c d", "a.slice:b:c.slice"),
        *("a:b:c", ".slice:b:c", "a--b.slice:b:c", "-a.slice:b:c", "a/b.slice:b:c", f"a.slice:b:{'c' * 250}"),
    ],
)
def test_a_path_that_is_none_of_systemd_s_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgument):
        plan_unit(path, "id", user=False)


def test_slices_lie_in_each_other() -> None:
    assert expand_slice("a-b-c.slice") == "/a.slice/a-b.slice/a-b-c.slice"
    assert expand_slice("-.slice") == "/"


def test_groups_lie_below_systemd_s_own() -> None:
    place = plan_unit("-.slice:a:b", "id", user=False)
    assert plan_unit_groups(place, {"": "/sys/fs/cgroup"}, {"": "/"}) == {"": "/sys/fs/cgroup/a-b.scope"}
    points = {"cpu": "/cg/cpu,cpuacct", "unified": "/cg/unified"}
    roots = {"cpu": "/", "unified": root_of_manager("/inner/init.scope")}
    assert plan_unit_groups(place, points, roots) == {
        "cpu": "/cg/cpu,cpuacct/a-b.scope",
        "unified": "/cg/unified/inner/a-b.scope",
    }
    assert root_of_manager("/init.scope") == "/"
    assert root_of_manager("/user.slice/user@1.service") == "/user.slice/user@1.service"


def test_a_scope_begins_with_its_process_and_is_delegated() -> None:
    assert values(scope_properties(plan_unit("", "box", user=False), 42, unified=True)) == {
        "Description": "libcontainer container box",
        "Slice": "system.slice",
        "Delegate": True,
        "PIDs": [42],
        "MemoryAccounting": True,
        "CPUAccounting": True,
        "IOAccounting": True,
        "TasksAccounting": True,
        "DefaultDependencies": False,
    }
    assert "BlockIOAccounting" in values(scope_properties(plan_unit("", "box", user=False), 42, unified=False))


def test_limits_of_v2() -> None:
    resources = resources_from_json(
        {
            "memory": {"limit": 1000, "swap": 3000, "reservation": -1},
            "cpu": {"shares": 512, "quota": 50500, "period": 100000, "cpus": "0-1,9", "mems": "0"},
            "pids": {"limit": -1},
            "blockIO": {"weight": 300},
        }
    )
    expected = {
        "MemoryMax": 1000,
        "MemoryLow": INFINITY,
        "MemorySwapMax": 2000,
        "CPUWeight": 59,
        "CPUQuotaPeriodUSec": 100000,
        "CPUQuotaPerSecUSec": 510000,
        "TasksMax": INFINITY,
        "AllowedCPUs": b"\3\2",
        "AllowedMemoryNodes": b"\1",
        "IOWeight": 2930,
    }
    assert values(unit_limits_v2(resources, NEWEST)) == expected
    old = {"CPUQuotaPeriodUSec", "AllowedCPUs", "AllowedMemoryNodes"}
    assert set(values(unit_limits_v2(resources, 239))) == set(expected) - old
    assert unit_limits_v2(resources_from_json({}), NEWEST) == []


def test_limits_of_v1() -> None:
    resources = resources_from_json(
        {
            "memory": {"limit": 1000},
            "cpu": {"shares": 512, "quota": -1, "cpus": "0"},
            "pids": {"limit": 3},
            "blockIO": {"weight": 300},
        }
    )
    assert values(unit_limits_v1(resources, NEWEST)) == {
        "MemoryLimit": 1000,
        "CPUShares": 512,
        "CPUQuotaPerSecUSec": INFINITY,
        "TasksMax": 3,
        "BlockIOWeight": 300,
        "AllowedCPUs": b"\1",
    }
    assert unit_limits_v1(resources_from_json({}), NEWEST) == []


def test_an_idle_container_has_the_weight_that_systemd_calls_idle() -> None:
    resources = resources_from_json({"cpu": {"idle": 1, "shares": 512}})
    assert values(unit_limits_v2(resources, 252)) == {"CPUWeight": 0}
    assert values(unit_limits_v2(resources, 251)) == {}


def test_keys_of_v2_that_systemd_has_properties_for() -> None:
    unified: Json = {
        "cpu.max": "20000 50000",
        "cpu.weight": " 7 ",
        "cpuset.cpus": "0",
        "cpuset.mems": "0",
        "memory.max": "max",
        "memory.high": "5",
        "pids.max": "9",
        "io.weight": "default 50",
        "hugetlb.2MB.max": "0",
    }
    assert values(unit_limits_v2(resources_from_json({"unified": unified}), NEWEST)) == {
        "CPUQuotaPeriodUSec": 50000,
        "CPUQuotaPerSecUSec": 400000,
        "CPUWeight": 7,
        "AllowedCPUs": b"\1",
        "AllowedMemoryNodes": b"\1",
        "MemoryMax": INFINITY,
        "MemoryHigh": 5,
        "TasksMax": 9,
        "IOWeight": 50,
    }
    idle = resources_from_json({"unified": {"cpu.idle": "1", "cpu.weight": "5", "cpu.max": "max"}})
    assert values(unit_limits_v2(idle, NEWEST)) == {
        "CPUWeight": 0,
        "CPUQuotaPeriodUSec": 100000,
        "CPUQuotaPerSecUSec": INFINITY,
    }


@pytest.mark.parametrize(
    "unified", [{"cpu.max": ""}, {"cpu.max": "1 2 3"}, {"cpu.max": "x"}, {"memory.max": "1k"}, {"cpuset.cpus": "2-1"}]
)
def test_keys_of_v2_that_cannot_be_read_are_refused(unified: Json) -> None:
    with pytest.raises(InvalidArgument):
        unit_limits_v2(resources_from_json({"unified": unified}), NEWEST)


def test_a_quota_is_rounded_up_to_whole_percents() -> None:
    assert rounded_quota(50500, 100000) == 51000
    assert rounded_quota(50000, 0) == 50000
    assert rounded_quota(1, 0) == 1000
    assert rounded_quota(-1, 100000) == -1


def test_lists_of_processors_as_bits() -> None:
    assert bits_from_list(" 0 , 3-5 ,") == b"\x39"
    assert bits_from_list("8") == b"\0\1"
    for wrong in ("", ",", "x", "1-", "-1", "3-1", "0-99999999"):
        with pytest.raises(InvalidArgument):
            bits_from_list(wrong)


def test_devices_in_systemd_s_words() -> None:
    rules = [DeviceRule(False, "a", None, None, "rwm"), DeviceRule(True, "b", 8, None, "r")]
    [reset, policy, allow] = device_properties(device_policy(rules), unified=True, version=NEWEST)
    assert reset == ("DeviceAllow", Variant("a(ss)", []))
    assert policy == ("DevicePolicy", Variant("s", "strict"))
    paths: dict[str, str] = dict(allow[1].value)  # type: ignore[arg-type]
    assert list(paths)[:4] == ["block-*", "block-8", "char-*", "/dev/char/1:3"]
    assert paths["block-*"] == "m"
    assert paths["block-8"] == "r"
    assert paths["/dev/char/1:3"] == "rwm"
    assert paths["char-136"] == "rwm"


def auto() -> list[tuple[str, Variant]]:
    return [("DeviceAllow", Variant("a(ss)", [])), ("DevicePolicy", Variant("s", "auto"))]


def test_all_devices_allowed() -> None:
    policy = DevicePolicy()
    policy.add(DeviceRule(True, "a", None, None, "rwm"))
    assert device_properties(policy, unified=True, version=NEWEST) == auto()
    assert device_properties(policy, unified=False, version=NEWEST) == auto()


def test_what_systemd_cannot_say_is_left_to_us_on_v2_and_denied_by_it_on_v1() -> None:
    denying = DevicePolicy()
    denying.add(DeviceRule(True, "a", None, None, "rwm"))
    denying.add(DeviceRule(False, "c", 1, 3, "rwm"))
    assert device_properties(denying, unified=True, version=NEWEST) == auto()
    assert values(device_properties(denying, unified=False, version=NEWEST)) == {
        "DevicePolicy": "strict",
        "DeviceAllow": [],
    }
    minor = DevicePolicy()
    minor.add(DeviceRule(True, "c", None, 3, "r"))
    minor.add(DeviceRule(True, "c", 1, 5, "r"))
    assert device_properties(minor, unified=True, version=NEWEST) == auto()
    assert device_properties(device_policy([]), unified=True, version=239) == auto()
    assert values(device_properties(minor, unified=False, version=NEWEST)) == {
        "DevicePolicy": "strict",
        "DeviceAllow": [("/dev/char/1:5", "r")],
    }


def test_annotations_are_properties() -> None:
    annotations = {
        "org.systemd.property.CollectMode": "'inactive-or-failed'",
        "org.systemd.property.TimeoutStopUSec": "uint64 5",
        "org.systemd.property.TimeoutStopSec": "2",
        "org.systemd.property.RuntimeMaxSec": "0.5",
        "org.example": "x",
    }
    assert annotated_properties(annotations) == [
        ("CollectMode", Variant("s", "inactive-or-failed")),
        ("TimeoutStopUSec", Variant("t", 5)),
        ("TimeoutStopUSec", Variant("t", 2000000)),
        ("RuntimeMaxUSec", Variant("t", 500000)),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [("ab", "1"), ("Name1", "1"), ("Näme", "1"), ("Name", "x"), ("TimeoutSec", "true"), ("TimeoutSec", "-1")],
)
def test_annotations_that_cannot_be_properties_are_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(InvalidArgument, match=f"annotation org.systemd.property.{name}"):
        annotated_properties({f"org.systemd.property.{name}": text})


def test_systemd_s_version_is_the_number_in_front() -> None:
    assert [version_from_text(text) for text in ("252.39-1~deb12u2", "v245.4-1.fc32", "249", "")] == [252, 245, 249, 0]


def owner(options: list[Json], namespaces: list[Json], uid: int = 0) -> int | None:
    spec = spec_from_json(
        {
            "process": {"user": {"uid": uid}},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/sys/fs/cgroup/", "type": "cgroup", "source": "x", "options": options},
            ],
            "linux": {"namespaces": namespaces, "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 10}]},
        }
    )
    return group_owner(spec, spec.linux.uid_mappings)


def test_a_container_that_may_write_to_its_own_groups_owns_its_group() -> None:
    own: Json = {"type": "cgroup"}
    user: Json = {"type": "user"}
    assert owner([], [own, user]) == 100000
    assert owner([], [own, user], uid=7) == 100007
    assert owner(["rw"], [own], uid=7) == 7
    assert owner(["ro"], [own, user]) is None
    assert owner([], [user]) is None
    assert owner([], [{"type": "cgroup", "path": "/proc/1/ns/cgroup"}, user]) is None
    assert owner([], [own, user], uid=11) is None
    assert group_owner(spec_from_json({"linux": {"namespaces": [own]}, "process": {}}), []) is None
