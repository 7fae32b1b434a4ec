"""A snapshotter on directories: rows and folders are the same for each kind, a layout knows what is in them."""

import builtins
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, InvalidArgument, Unavailable
from slipway.containerd.leases.interface import LeaseHolder
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots import rows
from slipway.containerd.snapshots.folders import Folders
from slipway.containerd.snapshots.model import REFERENCE_LABEL, SnapshotInfo, SnapshotKind, SnapshotUsage
from slipway.containerd.snapshots.usage import usage_of
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.labels import check_labels, labels_after_update
from slipway.contracts.containerd_api.types import Mount
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

    threads: Executor | None = None
    is_remote = False
    wants_source = False

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
            raise InvalidArgument(f"snapshot {key} is committed: only active ones and views have mounts")
        return self._layout.mounts(self._folder(row.info.kind, chain))

    def commit(self, scope: Scope, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        check_key(name)
        check_labels(labels or {})
        place, now = self._place(scope), self._clock.now()

        def change(connection: sqlite3.Connection) -> None:
            rows.commit(connection, place, key, name, labels or {}, now)
            self._leases.hold(connection, scope, f"snapshots/{self.name}", name)

        self._database.write(change)

    def remove(self, scope: Scope, key: str) -> None:
        place = self._place(scope)
        self._database.write(lambda connection: rows.delete(connection, place, key))

    def stat(self, scope: Scope, key: str) -> SnapshotInfo:
        place = self._place(scope)
        return self._database.read(lambda connection: rows.get(connection, place, key)).info

    def update(self, scope: Scope, key: str, labels: Mapping[str, str], fields: Iterable[str] = ()) -> SnapshotInfo:
        masks = check_fields(key, labels, fields)
        place, now = self._place(scope), self._clock.now()

        def change(connection: sqlite3.Connection) -> SnapshotInfo:
            row = rows.get(connection, place, key)
            changed = labels_after_update(row.info.labels, labels, masks)
            rows.set_labels(connection, row.id, changed, now)
            return replace(row.info, labels=changed, updated_at=now)

        return self._database.write(change)

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> builtins.list[SnapshotInfo]:
        wanted = filters_from_texts(filters)
        place = self._place(scope)
        found = self._database.read(lambda connection: rows.all_of(connection, place))
        return [row.info for row in found if wanted.matches(lambda path, info=row.info: field_of(info, path))]  # type: ignore[misc]

    def recorded(self, scope: Scope) -> builtins.list[SnapshotInfo]:
        return self.list(scope)

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
        check_key(key)
        check_labels(labels)
        place, now = self._place(scope), self._clock.now()
        self._check_target(scope, labels.get(REFERENCE_LABEL, ""))
        info = SnapshotInfo(name=key, parent=parent, kind=kind, created_at=now, updated_at=now, labels=labels)
        parents = self._database.read(lambda connection: self._parents(connection, place, parent))
        with ExitStack() as stack:
            try:
                made = stack.enter_context(self._folders.new())
                self._layout.fill(SnapshotFolder(made, kind, parents))
            except OSError as error:
                raise Unavailable(f"prepare snapshot {key}: {error}") from error

            def insert(connection: sqlite3.Connection) -> int:
                snapshot = rows.insert(connection, place, info)
                self._leases.hold(connection, scope, f"snapshots/{self.name}", key)
                self._folders.place(made, snapshot)
                return snapshot

            snapshot = self._database.write(insert)
        return self._layout.mounts(SnapshotFolder(self._folders.of(snapshot), kind, parents))

    def _check_target(self, scope: Scope, target: str) -> None:
        """Spare an unpacker its work: what it would make and commit is there, and its lease holds it now."""
        place = self._place(scope)
        if target and self._database.read(lambda connection: rows.exists(connection, place, target)):
            hold = partial(self._leases.hold, scope=scope, kind=f"snapshots/{self.name}", identifier=target)
            self._database.write(hold)
            raise AlreadyExists(f"snapshot {target}: already exists")

    def _parents(self, connection: sqlite3.Connection, place: rows.Place, parent: str) -> tuple[str, ...]:
        nearest = rows.parent_of(connection, place, parent)
        return () if nearest is None else tuple(map(self._folders.of, rows.chain(connection, nearest)))

    def _folder(self, kind: SnapshotKind, chain: tuple[int, ...]) -> SnapshotFolder:
        own, *parents = map(self._folders.of, chain)
        return SnapshotFolder(own, kind, tuple(parents))

    def _place(self, scope: Scope) -> rows.Place:
        return rows.Place(self.name, scope.namespace)


def check_key(key: str) -> None:
    """Raises InvalidArgument for an empty one."""
    if not key:
        raise InvalidArgument("a snapshot's key must not be empty")


def check_fields(key: str, labels: Mapping[str, str], fields: Iterable[str]) -> tuple[str, ...]:
    """The masks of an update. Raises InvalidArgument for a field that cannot change, and for a label that is too
    long."""
    check_labels(labels)
    masks = tuple(fields)
    for mask in masks:
        if mask != "labels" and not mask.startswith("labels."):
            raise InvalidArgument(f"cannot update {mask!r} field on snapshot {key!r}")
    return masks


def field_of(info: SnapshotInfo, path: tuple[str, ...]) -> str | None:
    """What a filter's path means of a snapshot."""
    if path[0] == "labels":
        return field_of_map(info.labels, path[1:])
    known = {"name": info.name, "parent": info.parent, "kind": info.kind.value}
    return known.get(path[0]) if len(path) == 1 else None
