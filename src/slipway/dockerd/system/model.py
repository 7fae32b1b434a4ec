"""What the daemon says about itself. Pure."""

from dataclasses import dataclass, field
from typing import Final

from slipway.dockerd.registries.model import RegistrySettings

ENGINE_VERSION: Final = "28.5.2"  # clients switch features by it; `Platform.Name` says who we are


@dataclass(frozen=True, kw_only=True)
class TransferSettings:
    """How this daemon's own containerd moves images; 0: as it does by itself.

    Layers of one pull and of one push at a time, and attempts at one layer.
    """

    max_concurrent_downloads: int = 0
    max_concurrent_uploads: int = 0
    max_download_attempts: int = 0


@dataclass(frozen=True, kw_only=True)
class DaemonIdentity:
    """Of this installation; `daemon_id` stays the same over restarts."""

    daemon_id: str
    data_root: str
    containerd_address: str
    containerd_namespace: str
    snapshotter: str
    cgroup_driver: str
    cgroup_version: int
    log_driver: str
    runtimes: tuple[str, ...]
    default_runtime: str
    init_binary: str
    security_options: tuple[str, ...]
    live_restore: bool = True
    absent_limits: frozenset[str] = frozenset()  # names of limits that cannot be held here
    registries: RegistrySettings = field(default_factory=RegistrySettings)
    warnings: tuple[str, ...] = ()
