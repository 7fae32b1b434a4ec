"""containerd's snapshot service: root file systems out of layers."""

from collections.abc import Mapping
from typing import Any, Final

from slipway.base.errors import InvalidArgument, NotFound
from slipway.clients.containerd.calls import Connection, service_methods
from slipway.contracts.containerd_api.generated import snapshots_pb2
from slipway.contracts.containerd_api.types import Mount

METHODS: Final = service_methods(snapshots_pb2.DESCRIPTOR, "Snapshots")


class Snapshots:
    """Calls of one connection to one snapshotter."""

    def __init__(self, connection: Connection, snapshotter: str) -> None:
        self._connection = connection
        self.snapshotter = snapshotter

    async def prepare(self, key: str, parent: str, labels: Mapping[str, str]) -> tuple[Mount, ...]:
        """A writable snapshot over `parent` (a chain id, or empty). Raises AlreadyExists, NotFound (no parent)."""
        request = snapshots_pb2.PrepareSnapshotRequest(
            snapshotter=self.snapshotter, key=key, parent=parent, labels=dict(labels)
        )
        return _mounts(await self._connection.call(METHODS["prepare"], request))

    async def view(self, key: str, parent: str, labels: Mapping[str, str]) -> tuple[Mount, ...]:
        """A read-only one."""
        request = snapshots_pb2.ViewSnapshotRequest(
            snapshotter=self.snapshotter, key=key, parent=parent, labels=dict(labels)
        )
        return _mounts(await self._connection.call(METHODS["view"], request))

    async def mounts(self, key: str) -> tuple[Mount, ...]:
        """The mounts that show a snapshot. Raises NotFound."""
        request = snapshots_pb2.MountsRequest(snapshotter=self.snapshotter, key=key)
        return _mounts(await self._connection.call(METHODS["mounts"], request))

    async def remove(self, key: str) -> None:
        """Raises NotFound, FailedPrecondition (it has children)."""
        request = snapshots_pb2.RemoveSnapshotRequest(snapshotter=self.snapshotter, key=key)
        await self._connection.call(METHODS["remove"], request)

    async def parent(self, key: str) -> str:
        """The snapshot below; empty for the lowest. Raises NotFound."""
        request = snapshots_pb2.StatSnapshotRequest(snapshotter=self.snapshotter, key=key)
        return str((await self._connection.call(METHODS["stat"], request)).info.parent)

    async def keys(self) -> list[str]:
        """Every snapshot of this namespace."""
        request = snapshots_pb2.ListSnapshotsRequest(snapshotter=self.snapshotter)
        return [info.name async for reply in self._connection.replies(METHODS["list"], request) for info in reply.info]

    async def usage(self, key: str) -> int:
        """Bytes that this snapshot holds beyond its parent."""
        request = snapshots_pb2.UsageRequest(snapshotter=self.snapshotter, key=key)
        return int((await self._connection.call(METHODS["usage"], request)).size)


async def serving_snapshotter(connection: Connection, wanted: str) -> str:
    """`wanted`; where none is named, overlayfs, or native where containerd cannot serve that.

    Raises InvalidArgument for a wanted one that containerd does not know.
    """
    try:
        await Snapshots(connection, wanted or "overlayfs").parent("none")
    except NotFound:
        return wanted or "overlayfs"  # it serves, and has no snapshot of that name
    except InvalidArgument as error:
        if wanted:
            raise InvalidArgument(f"storage driver: {error.message}") from error
        return "native"
    return wanted or "overlayfs"


def _mounts(reply: Any) -> tuple[Mount, ...]:
    return tuple(
        Mount(type=mount.type, source=mount.source, target=mount.target, options=tuple(mount.options))
        for mount in reply.mounts
    )
