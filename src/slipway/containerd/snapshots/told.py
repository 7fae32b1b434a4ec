"""A snapshotter whose changes are told as events, whoever makes them: a client's call, an unpack, the collector."""

from collections.abc import Mapping
from typing import Any, cast

from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.contracts.containerd_api.generated import event_types_pb2 as events
from slipway.contracts.containerd_api.types import Mount


def told(snapshotter: Snapshotter, publisher: EventPublisher) -> Snapshotter:
    """The same snapshotter; what is prepared, committed and removed is published. Views are not, as in the original."""
    return cast(Snapshotter, _Told(snapshotter, publisher))


class _Told:
    """All else is the snapshotter's own. What the collector forgets, it tells itself."""

    def __init__(self, snapshotter: Snapshotter, publisher: EventPublisher) -> None:
        self._snapshotter = snapshotter
        self._publisher = publisher

    def __getattr__(self, name: str) -> Any:
        return getattr(self._snapshotter, name)

    def prepare(
        self, scope: Scope, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Mount, ...]:
        mounts = self._snapshotter.prepare(scope, key, parent, labels)
        event = events.SnapshotPrepare(key=key, parent=parent, snapshotter=self._snapshotter.name)
        self._publisher.publish(scope.namespace, "/snapshot/prepare", event)
        return mounts

    def rebase(self, scope: Scope, key: str, parent: str) -> tuple[Mount, ...]:
        """Only now it is prepared as others know it."""
        mounts = self._snapshotter.rebase(scope, key, parent)
        event = events.SnapshotPrepare(key=key, parent=parent, snapshotter=self._snapshotter.name)
        self._publisher.publish(scope.namespace, "/snapshot/prepare", event)
        return mounts

    def commit(self, scope: Scope, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        self._snapshotter.commit(scope, name, key, labels)
        event = events.SnapshotCommit(key=key, name=name, snapshotter=self._snapshotter.name)
        self._publisher.publish(scope.namespace, "/snapshot/commit", event)

    def remove(self, scope: Scope, key: str) -> None:
        self._snapshotter.remove(scope, key)
        event = events.SnapshotRemove(key=key, snapshotter=self._snapshotter.name)
        self._publisher.publish(scope.namespace, "/snapshot/remove", event)
