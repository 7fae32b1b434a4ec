"""What the `linux` section may say of clocks, network devices, memory and devices."""

from typing import Any

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import MemoryPolicy, spec_from_json
from slipway.contracts.oci.runtime_fields import Fields
from slipway.linux.mount_flags import MOUNT_ATTR_NODIRATIME, MS_I_VERSION, MS_NODIRATIME, MS_NOEXEC, MS_RELATIME
from slipway.runc.plan.mount_options import IDMAP_ALL, IDMAP_TOP, parse_mount_options
from slipway.runc.spec.example import example_spec
from slipway.runc.spec.validate import check_spec
from slipway.runc.spec.validate_linux import is_device_name, memory_policy_from_spec


def check(**linux: Any) -> None:
    spec: dict[str, Any] = example_spec()
    spec["linux"] |= linux
    check_spec(spec_from_json(spec))


def policy(**values: Any) -> tuple[int, int]:
    return memory_policy_from_spec(MemoryPolicy(Fields(values, "memoryPolicy")))


def test_memory_nodes_are_lists_of_ranges() -> None:
    assert policy(mode="MPOL_BIND", nodes="0-3,7") == (2, 0b10001111)
    assert policy(mode="MPOL_PREFERRED", flags=["MPOL_F_STATIC_NODES"]) == (1 | 1 << 15, 0)
    assert policy(mode="MPOL_LOCAL") == (4, 0)


@pytest.mark.parametrize("nodes", ["-", "1-", "-1", "3-1", "a", "1,,2", "1024", "99999", "٣", "+1", "1_0"])
def test_nodes_that_are_none_are_refused(nodes: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid memory policy node"):
        policy(mode="MPOL_BIND", nodes=nodes)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a:b", "a b", "a\tb", "sixteen-letters."])
def test_names_that_no_interface_has(name: str) -> None:
    assert not is_device_name(name)
    assert is_device_name("eth%d")


def test_devices_need_a_network_and_names() -> None:
    check(netDevices={"eth0": {"name": "eth1"}})
    with pytest.raises(InvalidArgument, match="without a NET namespace"):
        check(netDevices={"eth0": {}}, namespaces=[{"type": "mount"}, {"type": "uts"}])
    with pytest.raises(InvalidArgument, match='invalid network device name "a b"'):
        check(netDevices={"eth0": {"name": "a b"}})


def test_options_for_mount_2() -> None:
    options = parse_mount_options(["noexec", "relatime", "nodiratime", "iversion", "size=5"])
    assert options.needs_mount_call
    assert options.mount_call_flags() == MS_NOEXEC | MS_RELATIME | MS_NODIRATIME | MS_I_VERSION
    assert options.add & MOUNT_ATTR_NODIRATIME
    assert options.own_words == ["size=5"]
    assert not parse_mount_options(["iversion", "noiversion", "size=5"]).needs_mount_call
    for words in (["remount"], ["a=1,b"], ["lowerdir=" + "x" * 250]):
        assert parse_mount_options(words).needs_mount_call


def test_extensions_are_not_for_the_file_system() -> None:
    options = parse_mount_options(["rbind", "ridmap", "tmpcopyup"])
    assert (options.idmap, options.copy_up, options.data) == (IDMAP_ALL, True, [])
    assert parse_mount_options(["idmap"]).idmap == IDMAP_TOP
    assert parse_mount_options(["rrelatime"]).recursive_clear
