"""Everything that the verbs of this noun work with. Built once, in launch."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.base.clock import Clock
from slipway.base.exhaustion import is_exhausted
from slipway.clients.containerd.client import ContainerdClient
from slipway.dockerd.containers.registry import ContainerRegistry
from slipway.dockerd.containers.request.defaults import DaemonDefaults
from slipway.dockerd.containers.spec.model import HostFacts
from slipway.dockerd.containers.store import ContainerStore
from slipway.dockerd.events.interface import Events
from slipway.dockerd.images.interface import FindsImages
from slipway.dockerd.logs.interface import Logs
from slipway.dockerd.networks.interface import Networks
from slipway.dockerd.volumes.interface import Volumes

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What runs containers: a containerd runtime (its shim), and the OCI runtime below it; an empty path is its own."""

    shim: str = "io.containerd.runc.v2"
    binary: str = ""


@dataclass(frozen=True, kw_only=True)
class ContainerSettings:
    """Of the daemon's configuration. Paths are absolute."""

    exec_root: str
    cgroup_parent: str
    snapshotter: str
    runtimes: Mapping[str, Runtime]
    defaults: DaemonDefaults
    init_path: str = ""  # docker-init, tini or catatonit; empty where there is none


class Background:
    """Work that outlives the request that caused it. The edge for its errors: they are logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(self._logged(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _logged(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.error("%s failed: %s", name, error, exc_info=not (hasattr(error, "kind") or is_exhausted(error)))

    async def stop(self) -> None:
        """Cancel what is left and wait for its end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@dataclass(frozen=True, kw_only=True)
class ContainerEnvironment:
    """The parts."""

    settings: ContainerSettings
    facts: HostFacts
    clock: Clock
    containerd: ContainerdClient
    store: ContainerStore
    registry: ContainerRegistry
    events: Events
    images: FindsImages
    networks: Networks
    volumes: Volumes
    logs: Logs
    background: Background = field(default_factory=Background)
    ensure_apparmor: Callable[[], None] = lambda: (
        None
    )  # puts docker-default into the kernel when it is not there; blocks

    def run_folder(self, container_id: str) -> str:
        """Where a container's fifos are: on a tmpfs."""
        return f"{self.settings.exec_root}/containers/{container_id}"
