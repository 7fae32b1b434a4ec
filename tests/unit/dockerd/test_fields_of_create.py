"""Every field that a client can send with a new container is honoured, refused or harmless. A field that is none of
these is a lie: the table below must name each."""

import dataclasses
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from slipway.base.errors import EngineError
from slipway.contracts.engine_api.container_config import ContainerConfig, HealthConfig
from slipway.contracts.engine_api.host_config import DeviceRequest, HostConfig
from slipway.contracts.engine_api.mounts import BindOptions, Mount, TmpfsOptions, VolumeDriver, VolumeOptions
from slipway.contracts.engine_api.networks import EndpointIpamConfig, EndpointSettings
from slipway.dockerd.containers.request.network_validation import check_networks
from slipway.dockerd.containers.request.validation import check_config, check_host_config, check_mount
from slipway.dockerd.containers.spec.devices import device_rules

TYPES = (
    ContainerConfig,
    HealthConfig,
    HostConfig,
    Mount,
    BindOptions,
    VolumeOptions,
    VolumeDriver,
    TmpfsOptions,
    EndpointSettings,
    EndpointIpamConfig,
)
SOURCES = Path(__file__).parents[3] / "src/slipway/dockerd"

# Why nothing need be done: nobody can tell the difference on Linux.
HARMLESS = {
    "ContainerConfig.attach_stdin": "how the client attached; inspect shows it",
    "ContainerConfig.attach_stdout": "how the client attached; inspect shows it",
    "ContainerConfig.attach_stderr": "how the client attached; inspect shows it",
    "ContainerConfig.args_escaped": "Windows",
    "ContainerConfig.on_build": "for builds on top of an image",
    "HostConfig.container_id_file": "the client writes it; inspect shows it",
    "HostConfig.cpu_count": "Windows; the original takes it in silence too",
    "HostConfig.cgroup": "unused by every engine since 1.9; inspect shows it",
    "HostConfig.kernel_memory_tcp": "checked; gone from kernels with cgroup v2",
    "Mount.consistency": "a hint for other systems' file sharing",
    "EndpointSettings.gw_priority": "which of several networks has the default route; there is one",
    **{
        f"EndpointSettings.{name}": "an answer's field, empty in requests"
        for name in (
            *("network_id", "endpoint_id", "dns_names", "gateway", "ip_address", "ip_prefix_len"),
            *("ipv6_gateway", "global_ipv6_address", "global_ipv6_prefix_len"),
        )
    },
}


def host(**fields: object) -> Callable[[], None]:
    return lambda: check_host_config(HostConfig(**fields), ("runc",), {0})  # type: ignore[arg-type]


def endpoint(**fields: object) -> Callable[[], None]:
    settings = EndpointSettings(**fields)  # type: ignore[arg-type]
    return lambda: check_networks(ContainerConfig(), HostConfig(), {"bridge": settings})


REFUSED = {
    "HostConfig.storage_opt": host(storage_opt={"size": "1G"}),
    "HostConfig.io_maximum_iops": host(io_maximum_iops=1),
    "HostConfig.io_maximum_bandwidth": host(io_maximum_bandwidth=1),
    "HostConfig.isolation": host(isolation="hyperv"),
    "HostConfig.device_requests": lambda: device_rules(HostConfig(device_requests=(DeviceRequest(count=-1),)), ()),
    "EndpointSettings.aliases": endpoint(aliases=("a",)),
    "EndpointSettings.links": endpoint(links=("a",)),
    "EndpointSettings.driver_opts": endpoint(driver_opts={"a": "b"}),
    "EndpointIpamConfig.ipv4_address": endpoint(ipam_config=EndpointIpamConfig(ipv4_address="1.2.3.4")),
    "EndpointIpamConfig.ipv6_address": endpoint(ipam_config=EndpointIpamConfig(ipv6_address="fe80::1")),
    "EndpointIpamConfig.link_local_ips": endpoint(ipam_config=EndpointIpamConfig(link_local_ips=("169.254.1.1",))),
}


def all_fields() -> list[str]:
    return [f"{kind.__name__}.{field.name}" for kind in TYPES for field in dataclasses.fields(kind)]


@cache
def daemon_text() -> str:
    return "\n".join(path.read_text() for path in SOURCES.rglob("*.py") if "validation" not in path.name)


def test_the_table_names_only_what_there_is() -> None:
    assert not {*HARMLESS, *REFUSED} - set(all_fields())
    assert not set(HARMLESS) & set(REFUSED)


@pytest.mark.parametrize("field", [field for field in all_fields() if field not in {*HARMLESS, *REFUSED}])
def test_what_is_neither_refused_nor_harmless_is_used(field: str) -> None:
    """Looking at a field to check it is not using it: that files of checks name it does not count."""
    name = field.partition(".")[2]
    assert re.search(rf"\.{name}\b|\"{name}\"", daemon_text()), f"nothing in dockerd uses {field}"


@pytest.mark.parametrize("field", REFUSED)
def test_what_cannot_be_done_is_refused(field: str) -> None:
    with pytest.raises(EngineError):
        REFUSED[field]()


def test_what_is_absent_is_not_refused() -> None:
    check_config(ContainerConfig())
    host()()
    endpoint()()
    check_mount(Mount(type="volume", target="/x"))
