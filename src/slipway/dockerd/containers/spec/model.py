"""What a specification is made from: everything that needed the disk, the clock or another process is resolved
before."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import HostConfig


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """What this machine, and this daemon on it, can do. Read once at start by `dockerd/system/host_facts.py`."""

    cgroup_version: int  # 1 (also hybrid) or 2
    capabilities: tuple[str, ...]  # what may be granted ("CAP_CHOWN"), in the kernel's order
    kernel: tuple[int, int]  # (6, 18)
    machine: str  # as uname says: "x86_64", "aarch64"
    apparmor: bool
    seccomp: bool
    systemd_cgroups: bool = False  # cgroup paths are "slice:prefix:id" for the runtime
    recursive_read_only: bool = True  # kernel >= 5.12 and a runtime that knows the option "rro"
    masked_paths: tuple[str, ...] = ()  # of this machine, after the usual ones: thermal_throttle of each CPU
    sysctls: frozenset[str] = frozenset()  # which of the default sysctls this kernel has
    absent_limits: frozenset[str] = frozenset()  # names of `Resources` that its control groups cannot hold


@dataclass(frozen=True, kw_only=True)
class ContainerUser:
    """Numbers, as `dockerd/containers/files/users.py` looked them up. `additional_gids` starts with `gid`, as the
    original's does."""

    uid: int = 0
    gid: int = 0
    additional_gids: tuple[int, ...] = (0,)


@dataclass(frozen=True, kw_only=True)
class ResolvedMount:
    """A volume, a bind, a tmpfs, or one of our files (hosts, resolv.conf, hostname), with its source made and absolute.

    `kind` is "bind" or "tmpfs"; `propagation` is "" or one of private, rprivate, shared, rshared, slave, rslave.
    """

    destination: str
    kind: str = "bind"
    source: str = ""
    writable: bool = True
    propagation: str = ""
    non_recursive: bool = False
    read_only_non_recursive: bool = False
    read_only_force_recursive: bool = False
    tmpfs_options: str = ""  # "size=65536k,mode=1777", as given


@dataclass(frozen=True, kw_only=True)
class ResolvedDevice:
    """A device node to make. `kind` is "c" or "b"; `access` is the cgroup permission ("rwm")."""

    path: str  # in the container
    kind: str
    major: int
    minor: int
    mode: int  # permission bits and file type, as stat gives them
    uid: int = 0
    gid: int = 0
    access: str = "rwm"


@dataclass(frozen=True, kw_only=True)
class NamespacePaths:
    """Namespaces to join, by path; empty means one of its own (or none, where the host's was asked for)."""

    network: str = ""
    ipc: str = ""
    pid: str = ""


@dataclass(frozen=True, kw_only=True)
class BlockDeviceNumbers:
    """Device numbers of the paths that --blkio-weight-device and --device-{read,write}-{bps,iops} name."""

    numbers: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SpecificationInput:
    """One container, resolved.

    `arguments` is the whole command (entrypoint and command merged with the image's); `config` and `host_config` are
    the merged ones that inspect shows. `mounts` are those of the user and ours (hosts, ...), in any order. `devices`
    are the ones that --device named; for a privileged container, those of the host's /dev (see
    `dockerd/containers/files/devices.py`). `init_path` is docker-init on the host when --init holds. `default_ulimits`
    are the daemon's own.
    """

    container_id: str
    config: ContainerConfig
    host_config: HostConfig
    facts: HostFacts
    arguments: tuple[str, ...]
    rootfs: str = "rootfs"
    user: ContainerUser = field(default_factory=ContainerUser)
    hostname: str = ""
    mounts: tuple[ResolvedMount, ...] = ()
    devices: tuple[ResolvedDevice, ...] = ()
    namespaces: NamespacePaths = field(default_factory=NamespacePaths)
    block_devices: BlockDeviceNumbers = field(default_factory=BlockDeviceNumbers)
    link_environment: tuple[str, ...] = ()  # of legacy links
    init_path: str = ""
    cgroup_parent: str = "/docker"
    no_new_privileges: bool = False  # the daemon's default
    default_ulimits: tuple[tuple[str, int, int], ...] = ()  # (name, soft, hard)
