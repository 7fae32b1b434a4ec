"""A specification as steps."""

from typing import Any

from slipway.contracts.oci.runtime import spec_from_json
from slipway.runc.plan import operations
from slipway.runc.plan.container import ContainerPlan, clean_path, plan_container
from slipway.runc.spec.example import example_spec


def plan(**changes: Any) -> ContainerPlan:
    spec: dict[str, Any] = {**example_spec(), **changes}
    return plan_container(spec_from_json(spec), "/bundle", has_kcore=True)


def described(steps: list[operations.Operation]) -> str:
    return "\n".join(step.describe() for step in steps)


def test_mounts_come_in_the_order_of_the_specification_and_before_devices() -> None:
    steps = plan().build
    kinds = [type(step) for step in steps]
    assert kinds.index(operations.MakeDevice) > kinds.index(operations.MountCgroups)
    assert [step.destination for step in steps[:3] if isinstance(step, operations.MountFileSystem)] == [
        "/proc",
        "/dev",
        "/dev/pts",
    ]


def test_every_container_has_the_default_devices_and_links() -> None:
    text = described(plan().build)
    for path in ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/core"):
        assert path in text
    assert "/dev/ptmx -> pts/ptmx" in text


def test_a_device_of_the_specification_replaces_the_default_one() -> None:
    linux = {"devices": [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 5}]}
    devices = [step for step in plan(linux=linux).build if isinstance(step, operations.MakeDevice)]
    null = [device for device in devices if device.path == "/dev/null"]
    assert [(device.mode, device.uid) for device in null] == [(0o600, 5)]


def test_nothing_is_made_in_a_bound_dev() -> None:
    mounts = [{"destination": "/dev/", "source": "/dev", "options": ["rbind"]}]
    planned = plan(mounts=mounts)
    assert not planned.own_devices
    assert [type(step) for step in planned.build] == [operations.BindMount]


def test_a_relative_source_is_the_bundles() -> None:
    step = plan(mounts=[{"destination": "/x", "type": "bind", "source": "data", "options": ["bind"]}]).build[0]
    assert isinstance(step, operations.BindMount)
    assert step.source == "/bundle/data"


def test_a_read_only_tmpfs_becomes_so_only_at_the_end() -> None:
    step = plan(mounts=[{"destination": "/t", "type": "tmpfs", "options": ["ro"]}]).build[0]
    assert isinstance(step, operations.MountFileSystem)
    assert step.late_readonly


def test_the_root_is_made_read_only_before_masks_and_after_mounts() -> None:
    text = described(plan().finish).splitlines()
    assert text[0] == 'can\'t make "/" read-only'
    assert text[-1] == 'can\'t mask path "/proc/scsi"'


def test_sysctl_names_take_dots_and_slashes() -> None:
    linux = {"sysctl": {"net.ipv4.ip_forward": "1", "net/ipv4/conf/eth0.1/forwarding": "0"}}
    steps = [step for step in plan(linux=linux).finish if isinstance(step, operations.WriteSysctl)]
    assert [step.path for step in steps] == ["net/ipv4/ip_forward", "net/ipv4/conf/eth0.1/forwarding"]


def test_paths_are_cleaned() -> None:
    assert clean_path("a/../b//c/.") == "/b/c"
    assert clean_path("//etc") == "/etc"
    assert clean_path("/../..") == "/"
