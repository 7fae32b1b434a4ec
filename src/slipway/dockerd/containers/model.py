"""A container as data: what was asked for (kept durably) and how it is (kept as long as the kernel lives)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.mounts import MountPoint
from slipway.contracts.engine_api.networks import EndpointSettings
from slipway.contracts.engine_api.schema import member
from slipway.dockerd.containers.lifecycle import Status


# ruff: noqa: RUF009 - `member` only describes a field
@dataclass(frozen=True, kw_only=True)
class ImageManifest:
    """The descriptor that inspect shows of the image's manifest on this platform."""

    media_type: str = member("", json="mediaType")
    digest: str = member("", json="digest")
    size: int = member(0, json="size")
    platform: Mapping[str, str] | None = member(None, json="platform", omit_empty=True)


@dataclass(frozen=True, kw_only=True)
class ContainerRecord:
    """What a container is. Replaced whole by rename and update. `created` in nanoseconds; `name` without the slash.

    `image_id` and `image_name` are the image's at creation; `path` and `arguments` the command; `networks` what was
    asked of each network, by name.
    """

    id: str = member("")
    name: str = member("")
    created: int = member(0)
    image_id: str = member("")
    image_name: str = member("")
    image_manifest: ImageManifest | None = member(None)
    path: str = member("")
    arguments: tuple[str, ...] = member(())
    driver: str = member("")
    config: ContainerConfig = member(ContainerConfig())
    host_config: HostConfig = member(HostConfig())
    mount_points: tuple[MountPoint, ...] = member(())
    networks: Mapping[str, EndpointSettings] = member(factory=dict)


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """How a container is. Times in nanoseconds, 0 for never; `error` is of the last failed start."""

    status: Status = Status.CREATED
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    out_of_memory: bool = False
    started_at: int = 0
    finished_at: int = 0
    stopped_by_user: bool = False
    exit_is_known: bool = False  # it has ended, what follows from that is under way: kept for a daemon after us
    restart_count: int = 0
    endpoint: Mapping[str, Any] = field(default_factory=dict)  # of dockerd/networks, as `document()` gives it
    health: Mapping[str, Any] = field(default_factory=dict)  # see health.py; empty without a health check
    network_id: str = ""  # of the network of the last start: inspect shows it after the end, too

    @property
    def is_running(self) -> bool:
        return self.status in (Status.RUNNING, Status.PAUSED)
