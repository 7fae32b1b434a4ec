"""What a request to create a container may say. Pure; every refusal is InvalidArgument with a sentence."""

from collections.abc import Collection, Mapping
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import integer_from_text
from slipway.contracts.engine_api.container_config import ContainerConfig, HealthConfig
from slipway.contracts.engine_api.host_config import DeviceMapping, HostConfig, PortBinding, RestartPolicy
from slipway.contracts.engine_api.mounts import Mount
from slipway.dockerd.containers.request.signals import signal_number
from slipway.dockerd.containers.streams.log_files import LOG_DRIVERS

MINIMUM_MEMORY: Final = 6 * 1024 * 1024  # as the original: less cannot even start
HOSTNAME_LIMIT: Final = 64  # __NEW_UTS_LEN, include/uapi/linux/utsname.h
PROTOCOLS: Final = ("tcp", "udp", "sctp")
RESTART_POLICIES: Final = ("no", "always", "on-failure", "unless-stopped")
MOUNT_TYPES: Final = ("bind", "volume", "tmpfs", "image")
PROPAGATIONS: Final = ("", "private", "rprivate", "shared", "rshared", "slave", "rslave")


def check_config(config: ContainerConfig) -> None:
    """The portable part."""
    for name, text in (
        ("Hostname", config.hostname),
        ("Domainname", config.domainname),  # it becomes a line of /etc/hosts
        ("User", config.user),
        ("WorkingDir", config.working_dir),
    ):
        _no_control(name, text)
    if len(config.hostname) > HOSTNAME_LIMIT:
        raise InvalidArgument(f"invalid hostname {config.hostname!r}: more than {HOSTNAME_LIMIT} characters")
    for variable in config.env or ():
        _no_nul("environment variable", variable)
        if not variable or variable.startswith("="):
            raise InvalidArgument(f"invalid environment variable: {variable}")
    for argument in (*(config.cmd or ()), *(config.entrypoint or ())):
        _no_nul("command", argument)
    if config.working_dir and not config.working_dir.startswith("/"):
        raise InvalidArgument(
            f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path"
        )
    if config.stop_signal:
        signal_number(config.stop_signal)
    for port in config.exposed_ports or {}:
        check_port(port)
    for path in config.volumes or {}:
        _check_destination(f"/{path}")
    if config.healthcheck is not None:
        _check_health(config.healthcheck)


def check_host_config(host_config: HostConfig, runtimes: Collection[str], processors: Collection[int]) -> None:
    """The part that concerns the host; `runtimes` are the names that `--runtime` may have, `processors` the numbers of
    those that are online."""
    _check_restart_policy(host_config.restart_policy)
    if host_config.auto_remove and host_config.restart_policy.name not in ("", "no"):
        raise InvalidArgument("can't create 'AutoRemove' container with restart policy")
    _check_resources(host_config)
    _check_processors(host_config, processors)
    _check_modes(host_config)
    if host_config.runtime and host_config.runtime not in runtimes and not host_config.runtime.startswith("/"):
        raise InvalidArgument(f"unknown or invalid runtime name: {host_config.runtime}")
    _check_ports(host_config.port_bindings or {})
    for mount in host_config.mounts or ():
        check_mount(mount)
    for path in host_config.tmpfs or {}:
        _check_destination(path)
    for device in host_config.devices or ():
        _check_device(device)
    if host_config.log_config.type not in ("", *LOG_DRIVERS):
        name = host_config.log_config.type
        raise InvalidArgument(f'error looking up logging plugin {name}: plugin "{name}" not found')
    if len(host_config.console_size) != 2:
        raise InvalidArgument("ConsoleSize must have two numbers")
    if host_config.isolation not in ("", "default"):
        raise InvalidArgument(f"invalid isolation ({host_config.isolation}): linux only supports 'default'")
    _check_what_nothing_here_serves(host_config)
    if "" in (host_config.annotations or {}):
        raise InvalidArgument("invalid Annotations: the empty string is not permitted as an annotation key")


def _check_what_nothing_here_serves(host_config: HostConfig) -> None:
    """What would otherwise be taken in silence and never done."""
    if host_config.storage_opt:
        raise InvalidArgument("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")
    if host_config.io_maximum_iops:
        raise InvalidArgument("invalid option: QoS maximum IOPs configuration is not supported on linux")
    if host_config.io_maximum_bandwidth:
        raise InvalidArgument("invalid option: QoS maximum bandwidth configuration is not supported on linux")


def check_port(text: str) -> tuple[int, int, str]:
    """`80`, `80/udp`, `7000-7010/tcp` → (low, high, protocol)."""
    ports, _, protocol = text.partition("/")
    low_text, separator, high_text = ports.partition("-")
    low = integer_from_text(low_text, "port", low=0, high=65535)
    high = integer_from_text(high_text, "port", low=0, high=65535) if separator else low
    protocol = protocol.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise InvalidArgument(f"invalid proto: {protocol}")
    if high < low:
        raise InvalidArgument(f"invalid port range: {ports}")
    return low, high, protocol


def check_mount(mount: Mount) -> None:
    """One `--mount`."""
    if mount.type not in MOUNT_TYPES:
        raise InvalidArgument(f'invalid mount config for type "{mount.type}": mount type unknown')

    def refuse(why: str) -> InvalidArgument:
        return InvalidArgument(f'invalid mount config for type "{mount.type}": {why}')

    if not mount.target:
        raise refuse("field Target must not be empty")
    _check_destination(mount.target)
    for kind, options in (
        ("bind", mount.bind_options),
        ("volume", mount.volume_options),
        ("tmpfs", mount.tmpfs_options),
    ):
        if options is not None and mount.type != kind:
            raise InvalidArgument(f'{kind.capitalize()}Options must not be specified on mount type "{mount.type}"')
    if mount.type == "bind":
        if not mount.source:
            raise refuse("field Source must not be empty")
        if not mount.source.startswith("/"):
            raise refuse(f"invalid mount path: '{mount.source}' mount path must be absolute")
        if mount.bind_options is not None and mount.bind_options.propagation not in PROPAGATIONS:
            raise refuse(f"invalid propagation mode: {mount.bind_options.propagation}")
    if mount.type == "tmpfs" and mount.source:
        raise refuse("field Source must not be specified")
    if mount.type == "image":
        raise refuse("image mounts are not supported by this engine")


def _check_destination(path: str) -> None:
    _no_control("mount destination", path)
    if not path.startswith("/"):
        raise InvalidArgument(f"invalid mount path: '{path}' mount path must be absolute")
    if not path.strip("/."):
        raise InvalidArgument("invalid specification: destination can't be '/'")


def _check_device(device: DeviceMapping) -> None:
    """A path relative to nothing would be one relative to the daemon's own folder: all devices of the host."""
    for path in (device.path_on_host, device.path_in_container):
        _no_control("device path", path)
    if not device.path_on_host.startswith("/"):
        raise InvalidArgument(
            f'error gathering device information while adding custom device "{device.path_on_host}": '
            "the path is not absolute"
        )


def _check_restart_policy(policy: RestartPolicy) -> None:
    if policy.name and policy.name not in RESTART_POLICIES:
        words = ", ".join(f"'{name}'" for name in RESTART_POLICIES[:-1])
        raise InvalidArgument(
            f"invalid restart policy: unknown policy '{policy.name}'; use one of {words}, or '{RESTART_POLICIES[-1]}'"
        )
    if policy.maximum_retry_count < 0:
        raise InvalidArgument("invalid restart policy: maximum retry count cannot be negative")
    if policy.maximum_retry_count and policy.name not in ("on-failure", ""):
        raise InvalidArgument("invalid restart policy: maximum retry count can only be used with 'on-failure'")


def _check_resources(host_config: HostConfig) -> None:
    memory, swap = host_config.memory, host_config.memory_swap
    if memory and memory < MINIMUM_MEMORY:
        raise InvalidArgument("Minimum memory limit allowed is 6MB")
    if swap > 0 and not memory:
        raise InvalidArgument("You should always set the Memory limit when using Memoryswap limit, see usage")
    if memory > 0 and 0 < swap < memory:
        raise InvalidArgument("Minimum memoryswap limit should be larger than memory limit, see usage")
    reservation = host_config.memory_reservation
    if 0 < reservation < MINIMUM_MEMORY:
        raise InvalidArgument("Minimum memory reservation allowed is 6MB")
    if memory > 0 and reservation > memory:
        raise InvalidArgument("Minimum memory limit can not be less than memory reservation limit, see usage")
    if host_config.memory_swappiness is not None and not -1 <= host_config.memory_swappiness <= 100:
        raise InvalidArgument(f"Invalid value: {host_config.memory_swappiness}, valid memory swappiness range is 0-100")
    for name in ("cpu_shares", "nano_cpus", "shm_size", "cpu_period", "kernel_memory_tcp"):
        if getattr(host_config, name) < 0:
            raise InvalidArgument(f"{name.replace('_', ' ')} cannot be negative")
    if host_config.nano_cpus and (host_config.cpu_period or host_config.cpu_quota):
        raise InvalidArgument("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if host_config.cpu_period and not 1000 <= host_config.cpu_period <= 1_000_000:
        raise InvalidArgument("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if 0 < host_config.cpu_quota < 1000:
        raise InvalidArgument("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    if host_config.blkio_weight and not 10 <= host_config.blkio_weight <= 1000:
        raise InvalidArgument("Range of blkio weight is from 10 to 1000")
    if not -1000 <= host_config.oom_score_adj <= 1000:
        raise InvalidArgument(f"Invalid value {host_config.oom_score_adj}, range for oom score adj is [-1000, 1000]")


def _check_processors(host_config: HostConfig, processors: Collection[int]) -> None:
    count = len(processors)
    if not 0 <= host_config.nano_cpus <= count * 1_000_000_000:
        raise InvalidArgument(f"range of CPUs is from 0.01 to {count:.2f}, as there are only {count} CPUs available")
    asked = cpu_set(host_config.cpuset_cpus)
    cpu_set(host_config.cpuset_mems)
    if not asked <= set(processors):
        available = f"{min(processors)}-{max(processors)}" if count > 1 else f"{min(processors)}"
        raise InvalidArgument(
            f"Requested CPUs are not available - requested {host_config.cpuset_cpus}, available: {available}"
        )


def cpu_set(text: str) -> set[int]:
    """`0-2,4` → {0, 1, 2, 4}; a huge range must not make a huge set (CVE-2018-20699). Raises InvalidArgument."""
    found: set[int] = set()
    for part in text.split(",") if text else ():
        low, separator, high = part.partition("-")
        try:
            first = integer_from_text(low, high=8191)
            last = integer_from_text(high, high=8191) if separator else first
        except InvalidArgument as error:
            raise InvalidArgument(f"Invalid value {text} for cpuset") from error
        if last < first:
            raise InvalidArgument(f"Invalid value {text} for cpuset")
        found.update(range(first, last + 1))
    return found


def _check_modes(host_config: HostConfig) -> None:
    for name, mode, words in (
        ("IPC", host_config.ipc_mode, ("", "none", "private", "shareable", "host")),
        ("PID", host_config.pid_mode, ("", "host")),
        ("UTS", host_config.uts_mode, ("", "host")),
        ("cgroup namespace", host_config.cgroupns_mode, ("", "private", "host")),
        ("user namespace", host_config.userns_mode, ("", "host")),
    ):
        joins = name in ("IPC", "PID") and mode.startswith("container:") and len(mode) > len("container:")
        if mode not in words and not joins:
            raise InvalidArgument(f"invalid {name} mode: {mode}")


def _check_ports(bindings: Mapping[str, tuple[PortBinding, ...] | None]) -> None:
    for port, places in bindings.items():
        check_port(port)
        for place in places or ():
            low, separator, high = place.host_port.partition("-")
            for text in (low, high) if separator else (low,):
                if text:
                    integer_from_text(text, "host port", high=65535)
            _no_control("host address", place.host_ip)


def _check_health(health: HealthConfig) -> None:
    for name in ("interval", "timeout", "start_period", "start_interval"):
        value = getattr(health, name)
        if value and value < 1_000_000:
            raise InvalidArgument(f"{name.replace('_', ' ').capitalize()} in Healthcheck cannot be less than 1ms")
    if health.retries < 0:
        raise InvalidArgument("Retries in Healthcheck cannot be negative")


def _no_nul(what: str, text: str) -> None:
    if "\0" in text:
        raise InvalidArgument(f"invalid {what}: it contains a NUL byte")


def _no_control(what: str, text: str) -> None:
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        raise InvalidArgument(f"invalid {what} {text!r}: it contains a control character")
