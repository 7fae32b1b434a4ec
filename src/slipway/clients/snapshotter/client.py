"""A snapshotter in another process, called from threads: each method blocks until it has answered.

It must never be called on the event loop that `loop` names: that is where its connection lives.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask

from slipway.base.errors import Cancelled, EngineError
from slipway.contracts.containerd_api.generated import snapshots_pb2 as api
from slipway.contracts.containerd_api.status import error_from_status
from slipway.contracts.containerd_api.types import Mount
from slipway.transport.aio.grpc_client import GrpcChannel
from slipway.transport.aio.grpc_method import methods_of

Result = TypeVar("Result")

NAMESPACE_HEADER: Final = "containerd-namespace"
# A remote snapshotter may look a layer up in its registry, or unmount a tree that is in use, before it answers.
CALL_SECONDS: Final = 300.0
_METHODS: Final = methods_of(api.DESCRIPTOR.services_by_name["Snapshots"])
_KINDS: Final = {api.VIEW: "view", api.ACTIVE: "active", api.COMMITTED: "committed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendSnapshot:
    """A snapshot as its snapshotter tells of it. `kind` is view, active, committed, or empty where it does not say."""

    name: str
    parent: str
    kind: str
    created_at: int
    updated_at: int
    labels: Mapping[str, str] = field(default_factory=dict)


class SnapshotterClient:
    """The snapshotter `name` at a unix socket; connects at the first call, and again after the connection was lost.

    Every method raises the kind of error that the other side answers, Unavailable when it cannot be reached or dies
    meanwhile, Cancelled when it does not answer; each names the snapshotter.
    """

    def __init__(self, name: str, address: str, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self._loop = loop
        self._channel = GrpcChannel(address, error_from_status)

    def prepare(self, namespace: str, key: str, parent: str, labels: Mapping[str, str]) -> tuple[Mount, ...]:
        request = api.PrepareSnapshotRequest(snapshotter=self.name, key=key, parent=parent, labels=labels)
        return _mounts(self._call("prepare", namespace, request))

    def view(self, namespace: str, key: str, parent: str, labels: Mapping[str, str]) -> tuple[Mount, ...]:
        request = api.ViewSnapshotRequest(snapshotter=self.name, key=key, parent=parent, labels=labels)
        return _mounts(self._call("view", namespace, request))

    def mounts(self, namespace: str, key: str) -> tuple[Mount, ...]:
        return _mounts(self._call("mounts", namespace, api.MountsRequest(snapshotter=self.name, key=key)))

    def commit(self, namespace: str, name: str, key: str, labels: Mapping[str, str]) -> None:
        request = api.CommitSnapshotRequest(snapshotter=self.name, name=name, key=key, labels=labels)
        self._call("commit", namespace, request)

    def remove(self, namespace: str, key: str) -> None:
        self._call("remove", namespace, api.RemoveSnapshotRequest(snapshotter=self.name, key=key))

    def stat(self, namespace: str, key: str) -> BackendSnapshot:
        request = api.StatSnapshotRequest(snapshotter=self.name, key=key)
        return _snapshot(self._call("stat", namespace, request).info)

    def update(self, namespace: str, key: str, labels: Mapping[str, str], fields: tuple[str, ...]) -> BackendSnapshot:
        info = api.Info(name=key, labels=labels)
        request = api.UpdateSnapshotRequest(snapshotter=self.name, info=info, update_mask=FieldMask(paths=fields))
        return _snapshot(self._call("update", namespace, request).info)

    def list(self, namespace: str, *filters: str) -> dict[str, BackendSnapshot]:
        """By name."""
        request = api.ListSnapshotsRequest(snapshotter=self.name, filters=filters)
        return self._wait(self._list(namespace, request))

    def usage(self, namespace: str, key: str) -> tuple[int, int]:
        """Bytes and inodes."""
        reply = self._call("usage", namespace, api.UsageRequest(snapshotter=self.name, key=key))
        return int(reply.size), int(reply.inodes)

    def cleanup(self, namespace: str) -> None:
        self._call("cleanup", namespace, api.CleanupRequest(snapshotter=self.name))

    def close(self) -> None:
        """On the loop. Calls that run fail as unavailable."""
        self._channel.close()

    def _call(self, method: str, namespace: str, request: Any) -> Any:
        headers = {NAMESPACE_HEADER: namespace}
        return self._wait(self._channel.call(_METHODS[method], request, headers=headers, timeout=CALL_SECONDS))

    async def _list(self, namespace: str, request: Any) -> "dict[str, BackendSnapshot]":
        headers = {NAMESPACE_HEADER: namespace}
        found: dict[str, BackendSnapshot] = {}
        async with self._channel.open(_METHODS["list"], headers=headers, timeout=CALL_SECONDS) as stream:
            await stream.send(request, last=True)
            async for reply in stream:
                found.update((info.name, _snapshot(info)) for info in reply.info)
        return found

    def _wait(self, answer: Coroutine[Any, Any, Result]) -> Result:
        try:
            return asyncio.run_coroutine_threadsafe(answer, self._loop).result()
        except EngineError as error:
            raise type(error)(f"snapshotter {self.name}: {error.message}", error.hint) from error
        except CancelledError:
            raise Cancelled(f"snapshotter {self.name}: the daemon stops") from None


def _mounts(reply: Any) -> tuple[Mount, ...]:
    return tuple(
        Mount(type=mount.type, source=mount.source, target=mount.target, options=tuple(mount.options))
        for mount in reply.mounts
    )


def _snapshot(info: Any) -> BackendSnapshot:
    return BackendSnapshot(
        name=info.name,
        parent=info.parent,
        kind=_KINDS.get(info.kind, ""),
        created_at=info.created_at.ToNanoseconds(),
        updated_at=info.updated_at.ToNanoseconds(),
        labels=dict(info.labels),
    )
