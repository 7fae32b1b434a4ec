"""containerd.services.snapshots.v1"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from slipway.base.errors import InvalidArgument
from slipway.containerd.collection.interface import Collection
from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.services.messages import mount_messages, timestamp
from slipway.containerd.services.scope import scope_of
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.containerd.snapshots.model import SnapshotInfo, SnapshotKind
from slipway.contracts.containerd_api.generated import event_types_pb2 as events
from slipway.contracts.containerd_api.generated import snapshots_pb2 as api
from slipway.transport.aio.grpc_server import Call

LIST_CHUNK: Final = 100
_KINDS: Final = {
    SnapshotKind.VIEW: api.VIEW,
    SnapshotKind.ACTIVE: api.ACTIVE,
    SnapshotKind.COMMITTED: api.COMMITTED,
}


class SnapshotsService:
    """`snapshotters` by name: every call has to name one. What a removal frees goes soon."""

    def __init__(self, snapshotters: Mapping[str, Snapshotter], events: EventPublisher, collection: Collection) -> None:
        self._snapshotters = snapshotters
        self._events = events
        self._collection = collection

    async def prepare(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        mounts = await asyncio.to_thread(snapshotter.prepare, scope, request.key, request.parent, dict(request.labels))
        event = events.SnapshotPrepare(key=request.key, parent=request.parent, snapshotter=snapshotter.name)
        self._events.publish(scope.namespace, "/snapshot/prepare", event)
        return api.PrepareSnapshotResponse(mounts=mount_messages(mounts))

    async def view(self, call: Call, request: Any) -> Any:
        mounts = await asyncio.to_thread(
            self._named(request).view, scope_of(call), request.key, request.parent, dict(request.labels)
        )
        return api.ViewSnapshotResponse(mounts=mount_messages(mounts))

    async def mounts(self, call: Call, request: Any) -> Any:
        mounts = await asyncio.to_thread(self._named(request).mounts, scope_of(call), request.key)
        return api.MountsResponse(mounts=mount_messages(mounts))

    async def commit(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        await asyncio.to_thread(snapshotter.commit, scope, request.name, request.key, dict(request.labels))
        event = events.SnapshotCommit(key=request.key, name=request.name, snapshotter=snapshotter.name)
        self._events.publish(scope.namespace, "/snapshot/commit", event)
        return Empty()

    async def remove(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        await asyncio.to_thread(snapshotter.remove, scope, request.key)
        event = events.SnapshotRemove(key=request.key, snapshotter=snapshotter.name)
        self._events.publish(scope.namespace, "/snapshot/remove", event)
        self._collection.collect_soon()
        return Empty()

    async def stat(self, call: Call, request: Any) -> Any:
        info = await asyncio.to_thread(self._named(request).stat, scope_of(call), request.key)
        return api.StatSnapshotResponse(info=_message(info))

    async def update(self, call: Call, request: Any) -> Any:
        info, masks = request.info, [*request.update_mask.paths]
        updated = await asyncio.to_thread(
            self._named(request).update, scope_of(call), info.name, dict(info.labels), masks
        )
        return api.UpdateSnapshotResponse(info=_message(updated))

    async def list(self, call: Call, request: Any) -> AsyncIterator[Any]:
        found = await asyncio.to_thread(self._named(request).list, scope_of(call), [*request.filters])
        for start in range(0, len(found), LIST_CHUNK):
            yield api.ListSnapshotsResponse(info=map(_message, found[start : start + LIST_CHUNK]))

    async def usage(self, call: Call, request: Any) -> Any:
        usage = await asyncio.to_thread(self._named(request).usage, scope_of(call), request.key)
        return api.UsageResponse(size=usage.size, inodes=usage.inodes)

    async def cleanup(self, call: Call, request: Any) -> Any:
        await asyncio.to_thread(self._named(request).cleanup)
        return Empty()

    def _named(self, request: Any) -> Snapshotter:
        if not request.snapshotter:
            raise InvalidArgument("snapshotter argument missing: invalid argument")
        snapshotter = self._snapshotters.get(request.snapshotter)
        if snapshotter is None:
            raise InvalidArgument(f"snapshotter not loaded: {request.snapshotter}: invalid argument")
        return snapshotter


def _message(info: SnapshotInfo) -> api.Info:
    return api.Info(
        name=info.name,
        parent=info.parent,
        kind=_KINDS[info.kind],
        created_at=timestamp(info.created_at),
        updated_at=timestamp(info.updated_at),
        labels=info.labels,
    )
