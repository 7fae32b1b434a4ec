"""How a container sits on its host: `HostConfig` of the Engine API (28.5)."""

# ruff: noqa: RUF009 - `member` only describes a field

from collections.abc import Mapping
from dataclasses import dataclass

from slipway.contracts.engine_api.mounts import Mount
from slipway.contracts.engine_api.schema import decode_size, decode_string_list, member


@dataclass(frozen=True, kw_only=True)
class LogConfig:
    """`type` is json-file, local or none; empty: the daemon's default."""

    type: str = member("")
    config: Mapping[str, str] | None = member(None)


@dataclass(frozen=True, kw_only=True)
class RestartPolicy:
    """`name` is no, on-failure, always or unless-stopped; a `maximum_retry_count` of 0 means without end."""

    name: str = member("")
    maximum_retry_count: int = member(0)


@dataclass(frozen=True, kw_only=True)
class PortBinding:
    """An address and port (or "from-to", or "" for any free one) of the host."""

    host_ip: str = member("")
    host_port: str = member("")


@dataclass(frozen=True, kw_only=True)
class DeviceMapping:
    """A device of the host; `cgroup_permissions` out of r, w, m."""

    path_on_host: str = member("")
    path_in_container: str = member("")
    cgroup_permissions: str = member("")


@dataclass(frozen=True, kw_only=True)
class DeviceRequest:
    """Devices that a driver chooses (GPUs)."""

    driver: str = member("")
    count: int = member(0)
    device_ids: tuple[str, ...] | None = member(None, json="DeviceIDs")
    capabilities: tuple[tuple[str, ...], ...] | None = member(None)
    options: Mapping[str, str] | None = member(None)


@dataclass(frozen=True, kw_only=True)
class WeightDevice:
    """Block weight of one device, 10 to 1000."""

    path: str = member("")
    weight: int = member(0)


@dataclass(frozen=True, kw_only=True)
class ThrottleDevice:
    """Bytes or operations per second of one device."""

    path: str = member("")
    rate: int = member(0)


@dataclass(frozen=True, kw_only=True)
class Ulimit:
    """A resource limit by its short name (nofile); -1 means unlimited."""

    name: str = member("")
    hard: int = member(0)
    soft: int = member(0)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What the control groups hold a container to; 0, empty and None mean no limit."""

    cpu_shares: int = member(0)
    memory: int = member(0)
    nano_cpus: int = member(0)
    cgroup_parent: str = member("")
    blkio_weight: int = member(0)
    blkio_weight_device: tuple[WeightDevice, ...] | None = member(None)
    blkio_device_read_bps: tuple[ThrottleDevice, ...] | None = member(None)
    blkio_device_write_bps: tuple[ThrottleDevice, ...] | None = member(None)
    blkio_device_read_iops: tuple[ThrottleDevice, ...] | None = member(None, json="BlkioDeviceReadIOps")
    blkio_device_write_iops: tuple[ThrottleDevice, ...] | None = member(None, json="BlkioDeviceWriteIOps")
    cpu_period: int = member(0)
    cpu_quota: int = member(0)
    cpu_realtime_period: int = member(0)
    cpu_realtime_runtime: int = member(0)
    cpuset_cpus: str = member("")
    cpuset_mems: str = member("")
    devices: tuple[DeviceMapping, ...] | None = member(None)
    device_cgroup_rules: tuple[str, ...] | None = member(None)
    device_requests: tuple[DeviceRequest, ...] | None = member(None)
    kernel_memory: int = member(0, omit_empty=True)
    kernel_memory_tcp: int = member(0, json="KernelMemoryTCP", omit_empty=True)
    memory_reservation: int = member(0)
    memory_swap: int = member(0)
    memory_swappiness: int | None = member(None)
    oom_kill_disable: bool | None = member(None)
    pids_limit: int | None = member(None)
    ulimits: tuple[Ulimit, ...] | None = member(None)
    cpu_count: int = member(0)
    cpu_percent: int = member(0)
    io_maximum_iops: int = member(0, json="IOMaximumIOps")
    io_maximum_bandwidth: int = member(0, json="IOMaximumBandwidth")


@dataclass(frozen=True, kw_only=True)
class HostConfig(Resources):
    """Modes (`network_mode`, `ipc_mode`, `pid_mode`, ...) are words or "container:ID".

    After creation, empty modes, the log type and `masked_paths`/`readonly_paths` hold what the daemon chose (None stays
    None for a privileged container).
    """

    binds: tuple[str, ...] | None = member(None)
    container_id_file: str = member("", json="ContainerIDFile")
    log_config: LogConfig = member(LogConfig())
    network_mode: str = member("")
    port_bindings: Mapping[str, tuple[PortBinding, ...] | None] | None = member(None)
    restart_policy: RestartPolicy = member(RestartPolicy())
    auto_remove: bool = member(False)
    volume_driver: str = member("")
    volumes_from: tuple[str, ...] | None = member(None)
    console_size: tuple[int, ...] = member((0, 0), decoder=decode_size)
    annotations: Mapping[str, str] | None = member(None, omit_empty=True)
    cap_add: tuple[str, ...] | None = member(None, decoder=decode_string_list)
    cap_drop: tuple[str, ...] | None = member(None, decoder=decode_string_list)
    cgroupns_mode: str = member("")
    dns: tuple[str, ...] | None = member(None)
    dns_options: tuple[str, ...] | None = member(None)
    dns_search: tuple[str, ...] | None = member(None)
    extra_hosts: tuple[str, ...] | None = member(None)
    group_add: tuple[str, ...] | None = member(None)
    ipc_mode: str = member("")
    cgroup: str = member("")
    links: tuple[str, ...] | None = member(None)
    oom_score_adj: int = member(0)
    pid_mode: str = member("")
    privileged: bool = member(False)
    publish_all_ports: bool = member(False)
    readonly_rootfs: bool = member(False)
    security_opt: tuple[str, ...] | None = member(None)
    storage_opt: Mapping[str, str] | None = member(None, omit_empty=True)
    tmpfs: Mapping[str, str] | None = member(None, omit_empty=True)
    uts_mode: str = member("", json="UTSMode")
    userns_mode: str = member("")
    shm_size: int = member(0)
    sysctls: Mapping[str, str] | None = member(None, omit_empty=True)
    runtime: str = member("", omit_empty=True)
    isolation: str = member("")
    mounts: tuple[Mount, ...] | None = member(None, omit_empty=True)
    masked_paths: tuple[str, ...] | None = member(None)
    readonly_paths: tuple[str, ...] | None = member(None)
    init: bool | None = member(None, omit_empty=True)
