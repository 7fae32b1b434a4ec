"""What this daemon tells of itself to introspection: its parts, under the names of the original's plugins."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from slipway.base.errors import FailedPrecondition, NotFound
from slipway.containerd.configuration.model import DIFFERS, Settings
from slipway.containerd.services.introspection import Part
from slipway.containerd.snapshots.choice import Snapshotters
from slipway.containerd.snapshots.proxy_settings import ProxySettings
from slipway.contracts.oci import platforms

SERVICES: Final = "io.containerd.grpc.v1"
MONITOR: Final = "io.containerd.monitor.task.v1.cgroups"
_SNAPSHOTTERS: Final = "io.containerd.snapshotter.v1"
_SERVICES: Final = (
    *("containers", "content", "diff", "events", "healthcheck", "images", "introspection", "leases", "namespaces"),
    *("sandbox-controllers", "sandboxes", "snapshots", "streaming", "tasks", "transfer", "version"),
)


@dataclass(frozen=True, kw_only=True)
class Disabled:
    """What `disabled_plugins` takes away: services and snapshotters; the other parts cannot do without each other."""

    names: frozenset[str]

    def has_service(self, name: str) -> bool:
        return f"{SERVICES}.{name}" in self.names

    def snapshotters(self) -> frozenset[str]:
        """Without their type."""
        prefix = f"{_SNAPSHOTTERS}."
        return frozenset(name.removeprefix(prefix) for name in self.names if name.startswith(prefix))

    def refused(self, parts: Iterable[Part]) -> list[str]:
        """The names of parts that serve all the same."""
        return sorted(self.names & {part.name for part in parts if part.type != _SNAPSHOTTERS})


def parts_of(
    settings: Settings, snapshotters: Snapshotters, platform: str, proxies: Iterable[ProxySettings] = ()
) -> list[Part]:
    """The parts of a daemon on a machine of this platform (os/architecture); `proxies` are the snapshotters of other
    processes."""
    disabled = Disabled(names=frozenset(settings.disabled_plugins))
    here = (platform,)
    return [
        Part(type="io.containerd.content.v1", id="content", exports={"root": _root(settings, "content.v1.content")}),
        *(
            _snapshotter(name, snapshotters, here)
            for name in sorted(snapshotters.folders)
            if name not in disabled.snapshotters()
        ),
        *(_proxy(proxy, here) for proxy in proxies),
        Part(type="io.containerd.metadata.v1", id="bolt", exports={"policy": "shared"}),
        *(Part(type="io.containerd.differ.v1", id=name, platforms=here) for name in DIFFERS),
        Part(type="io.containerd.event.v1", id="exchange"),
        Part(type="io.containerd.gc.v1", id="scheduler"),
        Part(type="io.containerd.lease.v1", id="manager"),
        Part(
            type="io.containerd.monitor.container.v1",
            id="restart",
            capabilities=("no", "always", "on-failure", "unless-stopped"),
        ),
        Part(type="io.containerd.runtime.v2", id="task", platforms=settings.plugins.runtime.platforms),
        Part(type="io.containerd.sandbox.controller.v1", id="shim"),
        Part(type="io.containerd.sandbox.store.v1", id="local"),
        Part(type="io.containerd.streaming.v1", id="manager"),
        Part(type="io.containerd.transfer.v1", id="local"),
        *([Part(type="io.containerd.monitor.task.v1", id="cgroups", platforms=here)] if monitors(settings) else []),
        *(Part(type=SERVICES, id=name) for name in _SERVICES if not disabled.has_service(name)),
    ]


def monitors(settings: Settings) -> bool:
    """Whether containers' metrics are shown."""
    is_on = not settings.plugins.monitor.no_prometheus and MONITOR not in settings.disabled_plugins
    return is_on and bool(settings.metrics.address)


def check_required(parts: Iterable[Part], required: Iterable[str]) -> None:
    """Raises NotFound for a required part that there is not, FailedPrecondition for one that did not start."""
    by_name = {part.name: part for part in parts}
    for name in required:
        if name not in by_name:
            raise NotFound(f"required plugin {name}: there is none of that name here")
        if error := by_name[name].error:
            raise FailedPrecondition(f"load required plugin {name}: {error}")


def _snapshotter(name: str, snapshotters: Snapshotters, here: tuple[str, ...]) -> Part:
    return Part(
        type=_SNAPSHOTTERS,
        id=name,
        exports={"root": snapshotters.folders[name]},
        platforms=here,
        error=snapshotters.refused.get(name, ""),
    )


def _proxy(proxy: ProxySettings, here: tuple[str, ...]) -> Part:
    """Well, as in the original, whether or not somebody serves at its address: that shows at the first call."""
    return Part(
        type=_SNAPSHOTTERS,
        id=proxy.name,
        exports={**proxy.exports, "address": proxy.address},
        capabilities=proxy.capabilities,
        platforms=(platforms.text_of(proxy.platform),) if proxy.platform is not None else here,
    )


def _root(settings: Settings, name: str) -> str:
    return f"{settings.root}/io.containerd.{name}"
