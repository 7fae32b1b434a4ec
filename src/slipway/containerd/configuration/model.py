"""containerd's settings: the configuration file's keys and their defaults, under the original's newest names.

A field whose metadata has "unserved" is read, and changes nothing here: the text says why. Whoever sets it to something
else than its default is told so (configuration/read.py).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from slipway.contracts.oci.platforms import platform_from_machine
from slipway.service.configuration import Duration
from slipway.service.instance import Instance

_INSTANCE = Instance()
_SECOND: Final = 1_000_000_000
_NO_TIME: Final = Duration(0)
_SOON: Final = Duration(_SECOND // 10)
_TEN_SECONDS: Final = Duration(10 * _SECOND)
_OCICRYPT: Final = "/etc/containerd/ocicrypt"
DIFFERS: Final = ("walking",)
"""What layers are applied and made with, under the original's name for it."""
_HERE: Final = f"linux/{platform_from_machine(os.uname().machine).architecture}"


def _key(name: str) -> Mapping[str, str]:
    return {"key": name}


def _unserved(why: str) -> Mapping[str, str]:
    return {"unserved": why}


@dataclass(frozen=True, kw_only=True)
class SocketSettings:
    """A listening socket. `uid` and `gid` own it."""

    address: str = ""
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, kw_only=True)
class GrpcSettings(SocketSettings):
    """The API's socket. Messages of callers have at most `max_recv_message_size` bytes."""

    tcp_address: str = field(default="", metadata=_unserved("the API is served on its unix socket only"))
    tcp_tls_ca: str = field(default="", metadata=_unserved("the API is served on its unix socket only"))
    tcp_tls_cert: str = field(default="", metadata=_unserved("the API is served on its unix socket only"))
    tcp_tls_key: str = field(default="", metadata=_unserved("the API is served on its unix socket only"))
    max_recv_message_size: int = 16 << 20
    max_send_message_size: int = field(default=16 << 20, metadata=_unserved("answers have no limit of their own"))


@dataclass(frozen=True, kw_only=True)
class DebugSettings(SocketSettings):
    """The log, and the socket of /debug. `level` is a word of service.logging.LEVELS, `format` text or json."""

    level: str = "info"
    format: str = "text"


@dataclass(frozen=True, kw_only=True)
class MetricsSettings:
    """Where /v1/metrics is served, ADDRESS:PORT (empty: nowhere); `grpc_histogram` measures the calls' times, too."""

    address: str = ""
    grpc_histogram: bool = False


@dataclass(frozen=True, kw_only=True)
class CgroupSettings:
    path: str = field(default="", metadata=_unserved("the daemon stays in the cgroup that it is started in"))


@dataclass(frozen=True, kw_only=True)
class ProxyPluginSettings:
    """A part that another process serves at the unix socket `address`. `type` is snapshot, content, diff or sandbox."""

    type: str = ""
    address: str = ""
    platform: str = ""
    exports: dict[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StreamProcessorSettings:
    """A program that turns layers of the media types `accepts`, on its standard input, into those of `returns`."""

    accepts: tuple[str, ...] = ()
    returns: str = ""
    path: str = ""
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()


def _decryption() -> dict[str, StreamProcessorSettings]:
    """What the original has by itself for encrypted layers: a program that its users install."""
    media_type = "application/vnd.oci.image.layer.v1.tar"
    return {
        f"io.containerd.ocicrypt.decoder.v1.tar{suffix}": StreamProcessorSettings(
            accepts=(f"{media_type}{compression}+encrypted",),
            returns=f"{media_type}{compression}",
            path="ctd-decoder",
            args=("--decryption-keys-path", f"{_OCICRYPT}/keys"),
            env=(f"OCICRYPT_KEYPROVIDER_CONFIG={_OCICRYPT}/ocicrypt_keyprovider.conf",),
        )
        for suffix, compression in (("", ""), (".gzip", "+gzip"))
    }


@dataclass(frozen=True, kw_only=True)
class SchedulerSettings:
    """When garbage is collected: see collection/schedule.py. Delays of 0 are the daemon's own choice."""

    pause_threshold: float = 0.02
    deletion_threshold: int = 0
    mutation_threshold: int = field(default=100, metadata=_unserved("a collection follows deletions, not changes"))
    schedule_delay: Duration = _NO_TIME
    startup_delay: Duration = _SOON


@dataclass(frozen=True, kw_only=True)
class MetadataSettings:
    """`content_sharing_policy`: "shared", or "isolated": a namespace has to be sent what another one has, too."""

    content_sharing_policy: str = "shared"
    no_sync: bool = field(default=False, metadata=_unserved("what must last is synced"))


@dataclass(frozen=True, kw_only=True)
class OverlaySettings:
    """`root_path` instead of the folder below the data folder; `mount_options` are added to each mount."""

    root_path: str = ""
    upperdir_label: bool = field(default=False, metadata=_unserved("snapshots do not label their upper folder"))
    sync_remove: bool = False  # a removal gives the space back before it is answered either way
    slow_chown: bool = field(
        default=False, metadata=_unserved("the owner of a tree is changed by the mount's mapping only")
    )
    mount_options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NativeSettings:
    root_path: str = ""


@dataclass(frozen=True, kw_only=True)
class RuntimeSettings:
    """`platforms` are told to who asks for the runtime's. `sched_core`, of version 2, is SCHED_CORE=1 for shims."""

    platforms: tuple[str, ...] = (_HERE,)
    sched_core: bool = False


@dataclass(frozen=True, kw_only=True)
class ShimSettings:
    """`env` (NAME=VALUE) is for shims alone; where there is any, they are exec'd and do not come from the template."""

    env: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UnpackSettings:
    """What layers of a platform are unpacked with. `differ` empty: the first of DIFFERS."""

    platform: str = ""
    snapshotter: str = ""
    differ: str = ""
    config_type: str = ""
    layer_types: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TransferSettings:
    """How images are moved. `config_path` is a folder of hosts.toml files; several of them are joined by `:`.

    Each transfer has as many downloads and uploads at once as there are allowed; 0: as many as it has blobs.
    """

    config_path: str = ""
    max_concurrent_downloads: int = 3
    max_concurrent_uploaded_layers: int = 3
    concurrent_layer_fetch_buffer: int = field(default=0, metadata=_unserved("a layer is fetched in one piece"))
    check_platform_supported: bool = field(
        default=False, metadata=_unserved("an image of any platform can be unpacked")
    )
    unpack_config: tuple[UnpackSettings, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DiffSettings:
    """`default` names the differs that are asked, in this order: some of DIFFERS."""

    default: tuple[str, ...] = DIFFERS
    sync_fs: bool = field(
        default=False, metadata=_unserved("what is unpacked is synced as docs/decisions/snapshots.md says")
    )


@dataclass(frozen=True, kw_only=True)
class TasksSettings:
    blockio_config_file: str = field(default="", metadata=_unserved("there are no block I/O classes"))
    rdt_config_file: str = field(default="", metadata=_unserved("there are no RDT classes"))


@dataclass(frozen=True, kw_only=True)
class RestartSettings:
    """How often containers labelled `containerd.io/restart.*` are looked at."""

    interval: Duration = _TEN_SECONDS


@dataclass(frozen=True, kw_only=True)
class MonitorSettings:
    """Whether /v1/metrics goes without the containers' metrics."""

    no_prometheus: bool = False


@dataclass(frozen=True, kw_only=True)
class PluginSettings:
    """The tables of the original's plugins whose work is done here, under their names of version 3."""

    scheduler: SchedulerSettings = field(
        default_factory=SchedulerSettings, metadata=_key("io.containerd.gc.v1.scheduler")
    )
    metadata: MetadataSettings = field(
        default_factory=MetadataSettings, metadata=_key("io.containerd.metadata.v1.bolt")
    )
    overlayfs: OverlaySettings = field(
        default_factory=OverlaySettings, metadata=_key("io.containerd.snapshotter.v1.overlayfs")
    )
    native: NativeSettings = field(default_factory=NativeSettings, metadata=_key("io.containerd.snapshotter.v1.native"))
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings, metadata=_key("io.containerd.runtime.v2.task"))
    shim: ShimSettings = field(default_factory=ShimSettings, metadata=_key("io.containerd.shim.v1.manager"))
    transfer: TransferSettings = field(
        default_factory=TransferSettings, metadata=_key("io.containerd.transfer.v1.local")
    )
    diff: DiffSettings = field(default_factory=DiffSettings, metadata=_key("io.containerd.service.v1.diff-service"))
    tasks: TasksSettings = field(default_factory=TasksSettings, metadata=_key("io.containerd.service.v1.tasks-service"))
    restart: RestartSettings = field(
        default_factory=RestartSettings, metadata=_key("io.containerd.monitor.container.v1.restart")
    )
    monitor: MonitorSettings = field(
        default_factory=MonitorSettings, metadata=_key("io.containerd.monitor.task.v1.cgroups")
    )


@dataclass(frozen=True, kw_only=True)
class TimeoutSettings:
    """How long one is waited for; 0: without end."""

    shim_load: Duration = field(default=Duration(5 * _SECOND), metadata=_key("io.containerd.timeout.shim.load"))
    shim_cleanup: Duration = field(
        default=Duration(5 * _SECOND),
        metadata={"key": "io.containerd.timeout.shim.cleanup", "unserved": "a shim's delete has a minute"},
    )
    shim_shutdown: Duration = field(default=Duration(3 * _SECOND), metadata=_key("io.containerd.timeout.shim.shutdown"))
    task_state: Duration = field(default=Duration(2 * _SECOND), metadata=_key("io.containerd.timeout.task.state"))
    shim_stats: Duration = field(
        default=Duration(2 * _SECOND), metadata=_key("io.containerd.timeout.metrics.shimstats")
    )
    bolt_open: Duration = field(
        default=Duration(0), metadata={"key": "io.containerd.timeout.bolt.open", "unserved": "the database is SQLite"}
    )
    cri_cleanup: Duration = field(
        default=Duration(60 * _SECOND),
        metadata={"key": "io.containerd.timeout.cri.defercleanup", "unserved": "CRI is not served"},
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The keys of the configuration file."""

    version: int = 3
    root: str = _INSTANCE.containerd_data_root
    state: str = _INSTANCE.containerd_state_root
    temp: str = ""  # TMPDIR of the daemon and of what it starts; empty: as it is
    oom_score: int = 0
    imports: tuple[str, ...] = ()
    disabled_plugins: tuple[str, ...] = ()
    required_plugins: tuple[str, ...] = ()
    plugin_dir: str = field(default="", metadata=_unserved("parts cannot be loaded from files"))
    grpc: GrpcSettings = GrpcSettings(address=f"{_INSTANCE.containerd_state_root}/containerd.sock")
    ttrpc: SocketSettings = SocketSettings()
    debug: DebugSettings = DebugSettings()
    metrics: MetricsSettings = MetricsSettings()
    cgroup: CgroupSettings = CgroupSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    plugins: PluginSettings = PluginSettings()
    proxy_plugins: dict[str, ProxyPluginSettings] = field(default_factory=dict)
    stream_processors: dict[str, StreamProcessorSettings] = field(default_factory=_decryption)
    shim_template: bool = True  # ours alone: whether shims come from the template (docs/decisions/shim-template.md)
    max_download_attempts: int = 4  # ours alone: those of a layer, that bring nothing, before its pull fails
    snapshotter: str = ""  # ours alone: the default one; empty: overlayfs where the kernel has it, or else native

    @property
    def ttrpc_address(self) -> str:
        return self.ttrpc.address or f"{self.grpc.address}.ttrpc"

    @property
    def ttrpc_owner(self) -> SocketSettings:
        """Whose the socket for shims is: the API's, unless it has an address of its own."""
        return self.ttrpc if self.ttrpc.address else self.grpc

    @property
    def shim_environment(self) -> dict[str, str]:
        """What shims have beside the daemon's own environment."""
        variables = dict(entry.split("=", 1) for entry in self.plugins.shim.env)
        return {"SCHED_CORE": "1"} | variables if self.plugins.runtime.sched_core else variables

    @property
    def default_snapshotter(self) -> str:
        """What layers of this machine's platform are unpacked with; empty when nobody has chosen."""
        chosen = (unpack.snapshotter for unpack in self.plugins.transfer.unpack_config if unpack.platform == _HERE)
        return self.snapshotter or next(chosen, "")
