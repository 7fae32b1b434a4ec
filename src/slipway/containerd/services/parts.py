"""What this daemon tells of itself to introspection: its parts, under the names of the original's plugins."""

from collections.abc import Iterable

from slipway.containerd.services.introspection import Part
from slipway.containerd.snapshots.proxy_settings import ProxySettings


def parts_of(root: str, snapshotters: Iterable[str], proxies: Iterable[ProxySettings] = ()) -> list[Part]:
    """The parts of a containerd whose data folder is `root`; `snapshotters` are those of its own."""
    return [
        Part(type="io.containerd.content.v1", id="content"),
        *(
            Part(
                type="io.containerd.snapshotter.v1",
                id=name,
                exports={"root": f"{root}/io.containerd.snapshotter.v1.{name}"},
                has_platform=True,
            )
            for name in snapshotters
        ),
        *map(_proxy, proxies),
        Part(type="io.containerd.metadata.v1", id="bolt", exports={"policy": "shared"}),
        Part(type="io.containerd.differ.v1", id="walking", has_platform=True),
        Part(type="io.containerd.event.v1", id="exchange"),
        Part(type="io.containerd.gc.v1", id="scheduler"),
        Part(type="io.containerd.lease.v1", id="manager"),
        Part(type="io.containerd.runtime.v2", id="task", has_platform=True),
        Part(type="io.containerd.streaming.v1", id="manager"),
        Part(type="io.containerd.transfer.v1", id="local"),
        *(Part(type="io.containerd.grpc.v1", id=name) for name in _SERVICES),
    ]


def _proxy(proxy: ProxySettings) -> Part:
    """Well, as in the original, whether or not somebody serves at its address: that shows at the first call."""
    return Part(
        type="io.containerd.snapshotter.v1",
        id=proxy.name,
        exports={**proxy.exports, "address": proxy.address},
        capabilities=proxy.capabilities,
        has_platform=True,
        platform=proxy.platform,
    )


_SERVICES = (
    "containers",
    "content",
    "diff",
    "events",
    "healthcheck",
    "images",
    "introspection",
    "leases",
    "namespaces",
    "snapshots",
    "streaming",
    "tasks",
    "transfer",
    "version",
)
