"""containerd's settings: the defaults, the configuration file's keys, and what the command line changes."""

from dataclasses import dataclass, field
from typing import Any

from slipway.service.instance import Instance

_INSTANCE = Instance()


@dataclass(frozen=True, kw_only=True)
class SocketSettings:
    """A listening socket. `uid` and `gid` own it."""

    address: str = ""
    uid: int = 0
    gid: int = 0
    max_recv_message_size: int = 16 << 20
    max_send_message_size: int = 16 << 20


@dataclass(frozen=True, kw_only=True)
class DebugSettings:
    """The log. `format` is text or json."""

    address: str = ""
    uid: int = 0
    gid: int = 0
    level: str = "info"
    format: str = "text"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The keys of the configuration file. Those that end in "(of the original)" are read and change nothing here."""

    version: int = 3
    root: str = _INSTANCE.containerd_data_root
    state: str = _INSTANCE.containerd_state_root
    grpc: SocketSettings = SocketSettings(address=f"{_INSTANCE.containerd_state_root}/containerd.sock")
    ttrpc: SocketSettings = SocketSettings()
    debug: DebugSettings = DebugSettings()
    shim_template: bool = True
    snapshotter: str = ""  # the default one; empty: overlayfs where the kernel has it, or else native
    temp: str = ""  # (of the original)
    oom_score: int = 0
    imports: tuple[str, ...] = ()  # (of the original)
    disabled_plugins: tuple[str, ...] = ()  # (of the original)
    required_plugins: tuple[str, ...] = ()  # (of the original)
    metrics: dict[str, Any] = field(default_factory=dict)  # (of the original)
    plugins: dict[str, Any] = field(default_factory=dict)  # (of the original)
    timeouts: dict[str, str] = field(default_factory=dict)  # (of the original)
    stream_processors: dict[str, Any] = field(default_factory=dict)
    proxy_plugins: dict[str, Any] = field(default_factory=dict)
    cgroup: dict[str, Any] = field(default_factory=dict)  # (of the original)

    @property
    def ttrpc_address(self) -> str:
        return self.ttrpc.address or f"{self.grpc.address}.ttrpc"
