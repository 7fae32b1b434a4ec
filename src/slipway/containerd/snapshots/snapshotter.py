"""A snapshotter on directories: rows and folders are the same for each kind, a layout knows what is in them."""

import builtins
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, Unavailable
from slipway.containerd.leases.interface import LeaseHolder
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots import rows
from slipway.containerd.snapshots.folders import Folders
from slipway.containerd.snapshots.model import SnapshotInfo, SnapshotKind, SnapshotUsage
from slipway.containerd.snapshots.usage import usage_of
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.labels import check_labels, labels_after_update, labels_to_keep
from slipway.contracts.containerd_api.types import Mount
from slipway.contracts.containerd_api.words import quoted
from slipway.database.interface import Database


@dataclass(frozen=True, slots=True)
class SnapshotFolder:
    """A snapshot's own directory, and those of its parents, nearest first."""

    path: str
    kind: SnapshotKind
    parents: tuple[str, ...] = ()


class Layout(Protocol):
    """What makes a kind of snapshotter: the content of its directories and the mounts that show it."""

    name: str

    def fill(self, folder: SnapshotFolder) -> None:
        """Make what an empty directory needs for a snapshot of its kind on its parents. Raises OSError."""
        ...

    def mounts(self, folder: SnapshotFolder) -> tuple[Mount, ...]: ...

    def content(self, path: str) -> str:
        """The tree of a snapshot, without its parents, below its directory."""
        ...


class FolderSnapshotter:
    """See interface.Snapshotter. Nothing here waits for the disk: rows are written without sync, trees are not synced.

    After a power cut the last snapshots may be missing, which a new pull or start makes again.
    """

    def __init__(self, root: str, layout: Layout, database: Database, leases: LeaseHolder, clock: Clock) -> None:
        """`root` is this snapshotter's own folder. Makes it and the table where they are missing."""
        self.name = layout.name
        self._layout = layout
        self._folders = Folders(root)
        self._database = database
        self._leases = leases
        self._clock = clock
        database.write(lambda connection: connection.execute(rows.SCHEMA))
        database.write(lambda connection: connection.execute(rows.INDEX))
        database.write(lambda connection: connection.execute(rows.NAMESPACE))

    def prepare(
        self, scope: Scope, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Mount, ...]:
        return self._create(scope, SnapshotKind.ACTIVE, key, parent, labels or {})

    def view(
        self, scope: Scope, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Mount, ...]:
        return self._create(scope, SnapshotKind.VIEW, key, parent, labels or {})

    def mounts(self, scope: Scope, key: str) -> tuple[Mount, ...]:
        place = self._place(scope)

        def read(connection: sqlite3.Connection) -> tuple[rows.SnapshotRow, tuple[int, ...]]:
            row = rows.get(connection, place, key)
            return row, rows.chain(connection, row.id)

        row, chain = self._database.read(read)
        if row.info.kind is SnapshotKind.COMMITTED:
            what = f"requested snapshot {key} not active or view"
            raise FailedPrecondition(f"failed to get active mount: {what}: failed precondition")
        return self._layout.mounts(self._folder(row.info.kind, chain))

    def commit(self, scope: Scope, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        _check_key(name)
        check_labels(labels or {}, "info.Labels")
        kept = labels_to_keep(labels or {})
        place, now = self._place(scope), self._clock.now()

        def change(connection: sqlite3.Connection) -> None:
            rows.commit(connection, place, key, name, kept, now)
            self._leases.hold(connection, scope, self._kind, name)
            self._leases.release(connection, scope, self._kind, key)

        self._database.write(change)

    def remove(self, scope: Scope, key: str) -> None:
        place = self._place(scope)

        def delete(connection: sqlite3.Connection) -> None:
            rows.delete(connection, place, key)
            self._leases.release(connection, scope, self._kind, key)

        self._database.write(delete)

    def stat(self, scope: Scope, key: str) -> SnapshotInfo:
        place = self._place(scope)
        return self._database.read(lambda connection: rows.get(connection, place, key)).info

    def update(self, scope: Scope, key: str, labels: Mapping[str, str], fields: Iterable[str] = ()) -> SnapshotInfo:
        masks = tuple(fields)
        if not key:
            raise InvalidArgument("invalid argument")
        place, now = self._place(scope), self._clock.now()

        def change(connection: sqlite3.Connection) -> SnapshotInfo:
            row = rows.get(connection, place, key)
            for mask in masks:
                if mask != "labels" and not mask.startswith("labels."):
                    field = f"{quoted(mask)} field on snapshot {quoted(key)}"
                    raise InvalidArgument(f"cannot update {field}: invalid argument")
            changed = labels_after_update(row.info.labels, labels, masks)
            check_labels(changed, "info.Labels")
            rows.set_labels(connection, row.id, changed, now)
            return replace(row.info, labels=changed, updated_at=now)

        return self._database.write(change)

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> builtins.list[SnapshotInfo]:
        wanted = filters_from_texts(filters)
        place = self._place(scope)
        found = self._database.read(lambda connection: rows.all_of(connection, place))
        return [row.info for row in found if wanted.matches(lambda path, info=row.info: _field(info, path))]  # type: ignore[misc]

    def usage(self, scope: Scope, key: str) -> SnapshotUsage:
        place = self._place(scope)
        row = self._database.read(lambda connection: rows.get(connection, place, key))
        if row.size >= 0:
            return SnapshotUsage(size=row.size, inodes=row.inodes)
        if row.info.kind is SnapshotKind.VIEW:
            return SnapshotUsage(size=0, inodes=0)
        counted = usage_of(self._layout.content(self._folders.of(row.id)))
        if row.info.kind is SnapshotKind.COMMITTED:
            self._database.write(lambda connection: rows.set_usage(connection, row.id, counted.size, counted.inodes))
        return counted

    def cleanup(self) -> None:
        # On the writer's thread no row comes or goes: a directory without one is nobody's.
        self._database.write(lambda connection: self._folders.set_aside_unknown(rows.ids(connection, self.name)))
        self._folders.remove_set_aside()

    def _create(
        self, scope: Scope, kind: SnapshotKind, key: str, parent: str, labels: Mapping[str, str]
    ) -> tuple[Mount, ...]:
        _check_key(key)
        check_labels(labels, "info.Labels")
        place, now = self._place(scope), self._clock.now()
        kept = labels_to_keep(labels)
        info = SnapshotInfo(name=key, parent=parent, kind=kind, created_at=now, updated_at=now, labels=kept)
        self._check_absent(scope, key, labels.get(rows.TARGET_LABEL, ""))
        parents = self._database.read(lambda connection: self._parents(connection, place, parent))
        with ExitStack() as stack:
            try:
                made = stack.enter_context(self._folders.new())
                self._layout.fill(SnapshotFolder(made, kind, parents))
            except OSError as error:
                raise Unavailable(f"prepare snapshot {key}: {error}") from error

            def insert(connection: sqlite3.Connection) -> int:
                snapshot = rows.insert(connection, place, info)
                self._leases.hold(connection, scope, self._kind, key)
                self._folders.place(made, snapshot)
                return snapshot

            snapshot = self._database.write(insert)
        return self._layout.mounts(SnapshotFolder(self._folders.of(snapshot), kind, parents))

    def _check_absent(self, scope: Scope, key: str, target: str) -> None:
        """Raises AlreadyExists for a key that is taken, or for a target that is there already: the lease then holds
        it."""
        place = self._place(scope)
        names = [name for name in (target, key) if name]
        found = self._database.read(lambda connection: [rows.has(connection, place, name) for name in names])
        if not any(found):
            return
        name = names[found.index(True)]
        if scope.lease:
            self._database.write(lambda connection: self._leases.hold(connection, scope, self._kind, name))
        what = "target snapshot" if name == target else "snapshot"
        raise AlreadyExists(f"{what} {quoted(name)}: already exists")

    @property
    def _kind(self) -> str:
        """What leases call snapshots of this snapshotter."""
        return f"snapshots/{self.name}"

    def _parents(self, connection: sqlite3.Connection, place: rows.Place, parent: str) -> tuple[str, ...]:
        nearest = rows.parent_of(connection, place, parent)
        return () if nearest is None else tuple(map(self._folders.of, rows.chain(connection, nearest)))

    def _folder(self, kind: SnapshotKind, chain: tuple[int, ...]) -> SnapshotFolder:
        own, *parents = map(self._folders.of, chain)
        return SnapshotFolder(own, kind, tuple(parents))

    def _place(self, scope: Scope) -> rows.Place:
        return rows.Place(self.name, scope.namespace)


def _check_key(key: str) -> None:
    if not key:
        raise InvalidArgument("a snapshot's key must not be empty")


def _field(info: SnapshotInfo, path: tuple[str, ...]) -> str | None:
    if path[0] == "labels":
        return field_of_map(info.labels, path[1:])
    known = {"name": info.name, "parent": info.parent, "kind": info.kind.value}
    return known.get(path[0]) if len(path) == 1 else None
