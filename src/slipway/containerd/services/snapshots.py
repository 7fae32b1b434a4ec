"""containerd.services.snapshots.v1"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, TypeVar

from google.protobuf.empty_pb2 import Empty

from slipway.base.errors import InvalidArgument
from slipway.containerd.collection.interface import Collection
from slipway.containerd.services.messages import mount_messages, timestamp
from slipway.containerd.services.scope import scope_of
from slipway.containerd.snapshots.interface import Snapshotter, snapshotter_named
from slipway.containerd.snapshots.model import SnapshotInfo, SnapshotKind
from slipway.contracts.containerd_api.generated import snapshots_pb2 as api
from slipway.transport.aio.grpc_server import Call

Result = TypeVar("Result")

LIST_CHUNK: Final = 100
_KINDS: Final = {
    SnapshotKind.VIEW: api.VIEW,
    SnapshotKind.ACTIVE: api.ACTIVE,
    SnapshotKind.COMMITTED: api.COMMITTED,
}


class SnapshotsService:
    """`snapshotters` by name: every call has to name one. What a removal frees goes soon."""

    def __init__(self, snapshotters: Mapping[str, Snapshotter], collection: Collection) -> None:
        self._snapshotters = snapshotters
        self._collection = collection

    async def prepare(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        mounts = await _in_thread(
            snapshotter, snapshotter.prepare, scope, request.key, request.parent, dict(request.labels)
        )
        return api.PrepareSnapshotResponse(mounts=mount_messages(mounts))

    async def view(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        mounts = await _in_thread(
            snapshotter, snapshotter.view, scope, request.key, request.parent, dict(request.labels)
        )
        return api.ViewSnapshotResponse(mounts=mount_messages(mounts))

    async def mounts(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        mounts = await _in_thread(snapshotter, snapshotter.mounts, scope, request.key)
        return api.MountsResponse(mounts=mount_messages(mounts))

    async def commit(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        await _in_thread(snapshotter, snapshotter.commit, scope, request.name, request.key, dict(request.labels))
        return Empty()

    async def remove(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        await _in_thread(snapshotter, snapshotter.remove, scope, request.key)
        self._collection.collect_soon()
        return Empty()

    async def stat(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        info = await _in_thread(snapshotter, snapshotter.stat, scope, request.key)
        return api.StatSnapshotResponse(info=_message(info))

    async def update(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        info, masks = request.info, [*request.update_mask.paths]
        updated = await _in_thread(snapshotter, snapshotter.update, scope, info.name, dict(info.labels), masks)
        return api.UpdateSnapshotResponse(info=_message(updated))

    async def list(self, call: Call, request: Any) -> AsyncIterator[Any]:
        snapshotter, scope = self._named(request), scope_of(call)
        found = await _in_thread(snapshotter, snapshotter.list, scope, [*request.filters])
        for start in range(0, len(found), LIST_CHUNK):
            yield api.ListSnapshotsResponse(info=map(_message, found[start : start + LIST_CHUNK]))

    async def usage(self, call: Call, request: Any) -> Any:
        snapshotter, scope = self._named(request), scope_of(call)
        usage = await _in_thread(snapshotter, snapshotter.usage, scope, request.key)
        return api.UsageResponse(size=usage.size, inodes=usage.inodes)

    async def cleanup(self, call: Call, request: Any) -> Any:
        snapshotter = self._named(request)
        await _in_thread(snapshotter, snapshotter.cleanup)
        return Empty()

    def _named(self, request: Any) -> Snapshotter:
        if not request.snapshotter:
            raise InvalidArgument("snapshotter argument missing: invalid argument")
        return snapshotter_named(self._snapshotters, request.snapshotter)


async def _in_thread(snapshotter: Snapshotter, method: Callable[..., Result], *arguments: Any) -> Result:
    """In the threads of this snapshotter: one that hangs delays the calls of no other."""
    return await asyncio.get_running_loop().run_in_executor(snapshotter.threads, method, *arguments)


def _message(info: SnapshotInfo) -> api.Info:
    return api.Info(
        name=info.name,
        parent=info.parent,
        kind=_KINDS[info.kind],
        created_at=timestamp(info.created_at),
        updated_at=timestamp(info.updated_at),
        labels=info.labels,
    )
