"""What this daemon tells of itself to introspection: its parts, under the names of the original's plugins."""

from collections.abc import Iterable

from slipway.containerd.services.introspection import Part


def parts_of(root: str, snapshotters: Iterable[str]) -> list[Part]:
    """The parts of a containerd whose data folder is `root`."""
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
        Part(type="io.containerd.metadata.v1", id="bolt", exports={"policy": "shared"}),
        Part(type="io.containerd.differ.v1", id="walking", has_platform=True),
        Part(type="io.containerd.event.v1", id="exchange"),
        Part(type="io.containerd.gc.v1", id="scheduler"),
        Part(type="io.containerd.lease.v1", id="manager"),
        Part(
            type="io.containerd.monitor.container.v1",
            id="restart",
            capabilities=("no", "always", "on-failure", "unless-stopped"),
        ),
        Part(type="io.containerd.runtime.v2", id="task", has_platform=True),
        Part(type="io.containerd.sandbox.controller.v1", id="shim"),
        Part(type="io.containerd.sandbox.store.v1", id="local"),
        Part(type="io.containerd.streaming.v1", id="manager"),
        Part(type="io.containerd.transfer.v1", id="local"),
        *(Part(type="io.containerd.grpc.v1", id=name) for name in _SERVICES),
    ]


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
    "sandbox-controllers",
    "sandboxes",
    "snapshots",
    "streaming",
    "tasks",
    "transfer",
    "version",
)
