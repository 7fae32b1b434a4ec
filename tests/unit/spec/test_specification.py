"""Parts of a specification that the matrix of tests/compat/spec cannot reach: errors, joins, cgroup version 2."""

from typing import Any

import pytest

from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import DeviceRequest, HostConfig, ThrottleDevice, Ulimit, WeightDevice
from slipway.dockerd.containers.spec.environment import overridden
from slipway.dockerd.containers.spec.generate import specification
from slipway.dockerd.containers.spec.model import (
    BlockDeviceNumbers,
    ContainerUser,
    HostFacts,
    NamespacePaths,
    ResolvedMount,
    SpecificationInput,
)
from slipway.dockerd.containers.spec.process import exec_process
from slipway.dockerd.containers.spec.tmpfs import merged_tmpfs_options
from slipway.linux.capability_names import NAMES as CAPABILITIES

FACTS = HostFacts(
    cgroup_version=2, capabilities=CAPABILITIES, kernel=(6, 12), machine="x86_64", apparmor=True, seccomp=True
)


def made(
    host_config: HostConfig | None = None, config: ContainerConfig | None = None, **changes: Any
) -> dict[str, Any]:
    request = SpecificationInput(
        **{
            "container_id": "c" * 64,
            "config": config or ContainerConfig(hostname="box"),
            "host_config": host_config or HostConfig(),
            "facts": FACTS,
            "arguments": ("true",),
            **changes,
        }
    )
    return specification(request)


def test_joined_namespaces_have_paths() -> None:
    paths = NamespacePaths(network="/proc/9/ns/net", ipc="/proc/8/ns/ipc", pid="/proc/7/ns/pid")
    modes = HostConfig(
        network_mode="container:a", ipc_mode="container:b", pid_mode="container:c", cgroupns_mode="private"
    )
    linux = made(modes, namespaces=paths)["linux"]
    assert {each["type"]: each.get("path") for each in linux["namespaces"]} == {
        "mount": None,
        "network": "/proc/9/ns/net",
        "uts": None,
        "pid": "/proc/7/ns/pid",
        "ipc": "/proc/8/ns/ipc",
        "cgroup": None,
    }
    assert "sysctl" not in linux


@pytest.mark.parametrize("field", ["ipc_mode", "pid_mode", "uts_mode", "userns_mode", "cgroupns_mode"])
def test_unknown_modes_are_refused(field: str) -> None:
    with pytest.raises(InvalidArgument, match=r"invalid .* mode: nonsense"):
        made(HostConfig(**{field: "nonsense"}))


def test_systemd_names_cgroups_by_slice() -> None:
    facts = HostFacts(**{**vars(FACTS), "systemd_cgroups": True})
    path = made(facts=facts, cgroup_parent="system.slice")["linux"]["cgroupsPath"]
    assert path == f"system.slice:docker:{'c' * 64}"
    assert made(cgroup_parent="docker")["linux"]["cgroupsPath"] == f"/docker/{'c' * 64}"


def test_gpus_are_refused_with_a_hint() -> None:
    asked = DeviceRequest(count=-1, capabilities=(("gpu",),))
    with pytest.raises(
        NotImplementedByEngine, match=r'could not select device driver "" with capabilities: \[\[gpu\]\]'
    ):
        made(HostConfig(device_requests=(asked,)))


@pytest.mark.parametrize(
    "rule", ["c 1:3", "x 1:3 r", "c ١:3 r", "c 1:3 rwmr", "c 1:3 r\n", "c 9999999999999999999:1 r"]
)
def test_malformed_device_rules_are_refused(rule: str) -> None:
    with pytest.raises(InvalidArgument, match="device cgroup rule format"):
        made(HostConfig(device_cgroup_rules=(rule,)))


def test_block_devices_are_named_by_number() -> None:
    host_config = HostConfig(
        blkio_weight_device=(WeightDevice(path="/dev/a", weight=200),),
        blkio_device_write_iops=(ThrottleDevice(path="/dev/a", rate=9),),
    )
    block = made(host_config, block_devices=BlockDeviceNumbers(numbers={"/dev/a": (8, 1)}))["linux"]["resources"][
        "blockIO"
    ]
    assert block == {
        "weightDevice": [{"major": 8, "minor": 1, "weight": 200}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 1, "rate": 9}],
    }
    with pytest.raises(InvalidArgument, match="stat /dev/a: no such file"):
        made(host_config)


def test_swappiness_of_minus_one_is_unset_on_the_wire() -> None:
    memory = made(HostConfig(memory_swappiness=-1))["linux"]["resources"]["memory"]
    assert memory == {"swappiness": 0xFFFFFFFFFFFFFFFF}


def test_negative_cpu_shares_are_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"invalid CPU shares \(-2\)"):
        made(HostConfig(cpu_shares=-2))


def test_the_daemons_limits_hold_where_the_container_says_nothing() -> None:
    limits = made(
        HostConfig(ulimits=(Ulimit(name="nofile", soft=1, hard=2),)),
        default_ulimits=(("nofile", 7, 7), ("core", -1, -1)),
    )["process"]["rlimits"]
    unlimited = 0xFFFFFFFFFFFFFFFF
    assert limits == [
        {"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2},
        {"type": "RLIMIT_CORE", "soft": unlimited, "hard": unlimited},
    ]


def test_propagation_of_a_volume_opens_the_root() -> None:
    shared = ResolvedMount(destination="/s", source="/s", propagation="rshared")
    slave = ResolvedMount(destination="/t", source="/t", propagation="slave")
    assert made(mounts=(slave,))["linux"]["rootfsPropagation"] == "rslave"
    assert made(mounts=(slave, shared))["linux"]["rootfsPropagation"] == "shared"


def test_recursive_read_only_needs_the_kernel_when_forced() -> None:
    forced = ResolvedMount(destination="/s", source="/s", writable=False, read_only_force_recursive=True)
    old = HostFacts(**{**vars(FACTS), "recursive_read_only": False})
    with pytest.raises(InvalidArgument, match=r"5\.12"):
        made(mounts=(forced,), facts=old)
    plain = ResolvedMount(destination="/s", source="/s", writable=False)
    assert made(mounts=(plain,), facts=old)["mounts"][-1]["options"] == ["rbind", "ro"]


@pytest.mark.parametrize(
    ("options", "merged"),
    [
        (["noexec", "exec"], ["exec"]),
        (["size=1m", "ro", "size=2m"], ["ro", "size=2m"]),
        (["rprivate", "shared"], ["shared"]),
        (["defaults", "rw"], ["rw"]),
    ],
)
def test_the_last_tmpfs_option_of_a_kind_wins(options: list[str], merged: list[str]) -> None:
    assert merged_tmpfs_options(options) == merged


@pytest.mark.parametrize("option", ["nonsense", "colour=red"])
def test_unknown_tmpfs_options_are_refused(option: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid tmpfs option"):
        merged_tmpfs_options([option])


def test_environment_is_overridden_in_place_removed_or_appended() -> None:
    assert overridden(["A=1", "B=2", "C=3"], ["B=x", "C", "D=4", "E"]) == ["A=1", "B=x", "D=4"]


def test_an_exec_has_the_containers_confinement() -> None:
    host_config = HostConfig(security_opt=("no-new-privileges",), ulimits=(Ulimit(name="nproc", soft=1, hard=1),))
    container = made(host_config, ContainerConfig(hostname="box", tty=True, working_dir="/w"))["process"]
    process = exec_process(
        host_config,
        FACTS,
        arguments=("id",),
        container_process=container,
        environment=("X=1",),
        user=ContainerUser(uid=5, gid=6, additional_gids=(6,)),
    )
    assert process["user"] == {"uid": 5, "gid": 6, "additionalGids": [6]}
    assert process["cwd"] == "/w"
    assert process["env"][-1] == "X=1"
    assert not any(variable.startswith("TERM=") for variable in process["env"])
    assert process["noNewPrivileges"] is True
    assert process["rlimits"] == container["rlimits"]
    assert process["capabilities"] == container["capabilities"]
    assert process["apparmorProfile"] == "docker-default"


def test_a_privileged_exec_has_every_capability_but_none_to_inherit() -> None:
    container = made()["process"]
    process = exec_process(
        HostConfig(),
        FACTS,
        arguments=("id",),
        container_process=container,
        user=ContainerUser(),
        terminal=True,
        privileged=True,
        console_size=(24, 80),
    )
    assert process["capabilities"]["bounding"] == list(CAPABILITIES)
    assert "inheritable" not in process["capabilities"]
    assert "ambient" not in process["capabilities"]
    assert process["consoleSize"] == {"height": 24, "width": 80}
    assert "TERM=xterm" in process["env"]
