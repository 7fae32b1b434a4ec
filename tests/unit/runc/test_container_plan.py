"""A specification as steps."""

from typing import Any

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import spec_from_json
from slipway.runc.plan import operations
from slipway.runc.plan.container import ContainerPlan, clean_path, plan_container
from slipway.runc.plan.mount_options import IDMAP_ALL, IDMAP_TOP
from slipway.runc.spec.example import example_spec


def plan(**changes: Any) -> ContainerPlan:
    spec: dict[str, Any] = {**example_spec(), **changes}
    return plan_container(spec_from_json(spec), "/bundle", rootfs="/bundle/rootfs", has_kcore=True)


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


def test_a_destination_that_begins_with_the_roots_path_is_inside_it() -> None:
    step = plan(mounts=[{"destination": "/bundle/rootfs/a/b", "type": "tmpfs"}]).build[0]
    assert isinstance(step, operations.MountFileSystem)
    assert step.destination == "/a/b"


def mapped(**more: Any) -> dict[str, Any]:
    ids = [{"containerID": 0, "hostID": 5, "size": 1}]
    mount = {"destination": "/x", "source": "/data", "options": ["bind"], "uidMappings": ids, "gidMappings": ids}
    return mount | more


def test_mappings_make_an_id_mapped_mount() -> None:
    for words, idmap in ((["bind"], IDMAP_TOP), (["rbind", "idmap"], IDMAP_TOP), (["rbind", "ridmap"], IDMAP_ALL)):
        step = plan(mounts=[mapped(options=words)]).build[0]
        assert isinstance(step, operations.BindMount)
        assert step.options.idmap == idmap
        assert step.uid_mappings[0].host_id == 5


def test_id_mapped_mounts_of_a_container_in_a_user_namespace_need_no_mappings() -> None:
    linux = {"namespaces": [{"type": "user"}, {"type": "mount"}]}
    step = plan(linux=linux, mounts=[mapped(options=["bind", "idmap"], uidMappings=[], gidMappings=[])]).build[0]
    assert isinstance(step, operations.BindMount)
    assert step.options.idmap == IDMAP_TOP


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        (mapped(options=["bind", "idmap"], uidMappings=[], gidMappings=[]), "must have both uid and gid mappings"),
        (mapped(gidMappings=[]), "must have both uid and gid mappings"),
        (mapped(type="tmpfs", options=[]), "only supported for bind-mounts"),
        (mapped(options=["bind", "size=5"]), "filesystem-specific options"),
    ],
)
def test_contradictions_of_a_mount_are_refused(mount: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        plan(mounts=[mount])


def test_masks_are_put_on_once() -> None:
    masks = [
        step.path
        for step in plan(linux={"maskedPaths": ["/a", "/a/", "/b"]}).finish
        if isinstance(step, operations.MaskPath)
    ]
    assert masks == ["/a/", "/b"]
