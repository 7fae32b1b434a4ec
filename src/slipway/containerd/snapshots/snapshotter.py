"""A snapshotter on directories: rows and folders are the same for each kind, a layout knows what is in them."""

import builtins
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unavailable
from slipway.containerd.leases.interface import LeaseHolder
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots import rows
from slipway.containerd.snapshots.folders import Folders
from slipway.containerd.snapshots.interface import Layers
from slipway.containerd.snapshots.layout import Layout, SnapshotFolder
from slipway.containerd.snapshots.model import (
    REFERENCE_LABEL,
    SnapshotInfo,
    SnapshotKind,
    SnapshotUsage,
    check_key,
    field_of,
)
from slipway.containerd.snapshots.restore import Restorer
from slipway.containerd.snapshots.settling import Settling
from slipway.containerd.snapshots.usage import usage_of
from slipway.contracts.containerd_api.filters import filters_from_texts
from slipway.contracts.containerd_api.labels import check_labels, labels_after_info_update, labels_to_keep
from slipway.contracts.containerd_api.types import Mount
from slipway.contracts.containerd_api.words import quoted
from slipway.database.interface import Database
from slipway.linux.synchronise import synchronise_path

# The disk is waited for once no snapshot was committed for the first time, at the latest after the second (seconds).
REST: Final = 2.0
LONGEST: Final = 10.0


class FolderSnapshotter:
    """See interface.Snapshotter. No caller waits for the disk: rows are written without sync, trees are not synced.

    Soon afterwards a thread waits for the disk once, for all that was made meanwhile, and marks it. What was not marked
    when the machine stopped is torn: see restore.py.
    """

    threads: Executor | None = None
    is_remote = False
    wants_source = False

    def __init__(
        self, root: str, layout: Layout, database: Database, leases: LeaseHolder, clock: Clock, layers: Layers
    ) -> None:
        """`root` is this snapshotter's own folder. Makes it and the table where they are missing."""
        self.name = layout.name
        self.is_independent = layout.is_independent
        self._layout = layout
        self._folders = Folders(root)
        self._database = database
        self._leases = leases
        self._clock = clock
        database.write(rows.make_table)
        self._settling = Settling(self.synchronise, clock, rest=REST, longest=LONGEST)
        self._restorer = Restorer(self.name, layout, self._folders, database, layers, self._settling.want)

    def recover(self, *, machine_stopped: bool) -> None:
        """To be called before anything else: see to what an earlier daemon did not have on disk.

        It will be made again if the machine stopped since (see restore.py), else waited for.
        """
        if machine_stopped:
            self._restorer.distrust()
        elif self._database.read(lambda connection: rows.written(connection, self.name)):
            self._settling.want()

    def synchronise(self) -> None:
        """Wait for the disk, and mark what it has. Raises OSError."""
        written = self._database.read(lambda connection: rows.written(connection, self.name))
        if written:
            synchronise_path(self._folders.path)
            self._database.write(lambda connection: rows.set_on_disk(connection, written))

    def close(self) -> None:
        """Have on disk what was not yet waited for. Nothing may be made afterwards."""
        self._settling.close()

    def prepare(
        self, scope: Scope, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Mount, ...]:
        return self._create(scope, SnapshotKind.ACTIVE, key, parent, labels or {})

    def prepare_layer(self, scope: Scope, key: str, labels: Mapping[str, str]) -> tuple[Mount, ...]:
        assert self.is_independent
        self._create(scope, SnapshotKind.ACTIVE, key, "", labels)
        row = self._database.read(lambda connection: rows.get(connection, self._place(scope), key))
        return self._layout.layer_mounts(SnapshotFolder(self._folders.of(row.id), SnapshotKind.ACTIVE))

    def rebase(self, scope: Scope, key: str, parent: str) -> tuple[Mount, ...]:
        place = self._place(scope)
        self._restorer.restore(self._database.read(lambda connection: _parents(connection, place, parent)))

        def change(connection: sqlite3.Connection) -> tuple[int, ...]:
            return rows.chain(connection, rows.set_parent(connection, place, key, parent).id)

        folder = self._folder(SnapshotKind.ACTIVE, self._database.write(change))
        try:
            self._layout.rebase(folder)
        except OSError as error:
            raise Unavailable(f"rebase snapshot {key}: {error}") from error
        return self._layout.mounts(folder)

    def hold(self, scope: Scope, name: str) -> bool:
        place = self._place(scope)

        def change(connection: sqlite3.Connection) -> bool:
            try:
                row = rows.get(connection, place, name)
            except NotFound:
                return False
            self._leases.hold(connection, scope, f"snapshots/{self.name}", name)
            return row.info.kind is SnapshotKind.COMMITTED

        return self._database.write(change)

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
        self._restorer.restore(chain)
        return self._layout.mounts(self._folder(row.info.kind, chain))

    def commit(self, scope: Scope, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        check_key(name)
        check_labels(labels or {}, "info.Labels")
        kept = labels_to_keep(labels or {})
        place, now = self._place(scope), self._clock.now()

        def change(connection: sqlite3.Connection) -> None:
            rows.commit(connection, place, key, name, kept, now)
            self._leases.hold(connection, scope, self._kind, name)
            self._leases.release(connection, scope, self._kind, key)

        self._database.write(change)
        self._settling.want()

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
            changed = labels_after_info_update(row.info.labels, labels, masks, f"snapshot {quoted(key)}")
            rows.set_labels(connection, row.id, changed, now)
            return replace(row.info, labels=changed, updated_at=now)

        return self._database.write(change)

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> builtins.list[SnapshotInfo]:
        wanted = filters_from_texts(filters)
        place = self._place(scope)
        found = self._database.read(lambda connection: rows.all_of(connection, place))
        return [row.info for row in found if wanted.matches(lambda path, info=row.info: field_of(info, path))]  # type: ignore[misc]

    def usage(self, scope: Scope, key: str) -> SnapshotUsage:
        place = self._place(scope)
        row = self._database.read(lambda connection: rows.get(connection, place, key))
        if row.size >= 0:
            return SnapshotUsage(size=row.size, inodes=row.inodes)
        if row.info.kind is SnapshotKind.VIEW:
            return SnapshotUsage(size=0, inodes=0)
        counted = self._counted(row.id)
        if row.info.kind is SnapshotKind.COMMITTED and not self._restorer.is_torn(row.id):
            self._database.write(lambda connection: rows.set_usage(connection, row.id, counted.size, counted.inodes))
        return counted

    def _counted(self, snapshot: int) -> SnapshotUsage:
        try:
            return usage_of(self._layout.content(self._folders.of(snapshot)))
        except FileNotFoundError:  # the power took it
            return SnapshotUsage(size=0, inodes=0)

    def cleanup(self) -> None:
        if not self._database.read(lambda connection: self._folders.unknown(rows.ids(connection, self.name))):
            self._folders.remove_set_aside()
            return
        # A power cut must not bring back a row whose directory went: first the disk has it that the row is gone.
        unknown = self._database.write(
            lambda connection: self._folders.unknown(rows.ids(connection, self.name)), durable=True
        )
        # On the writer's thread no row comes or goes: a directory that still has none is nobody's.
        self._database.write(
            lambda connection: self._folders.set_aside(unknown - rows.ids(connection, self.name)),
        )
        self._folders.remove_set_aside()

    def infos(self, connection: sqlite3.Connection, namespace: str) -> builtins.list[SnapshotInfo]:
        return [row.info for row in rows.all_of(connection, rows.Place(self.name, namespace))]

    def forget(self, connection: sqlite3.Connection, namespace: str, keys: Sequence[str]) -> None:
        for key in keys:
            rows.delete(connection, rows.Place(self.name, namespace), key)

    def _create(
        self, scope: Scope, kind: SnapshotKind, key: str, parent: str, labels: Mapping[str, str]
    ) -> tuple[Mount, ...]:
        check_key(key)
        check_labels(labels, "info.Labels")
        place, now = self._place(scope), self._clock.now()
        target, kept = labels.get(REFERENCE_LABEL, ""), labels_to_keep(labels)
        info = SnapshotInfo(name=key, parent=parent, kind=kind, created_at=now, updated_at=now, labels=kept)
        chain = self._parents_unless_there(scope, key, target, parent)
        self._restorer.restore(chain)
        parents = tuple(map(self._folders.of, chain))
        with ExitStack() as stack:
            try:
                made = stack.enter_context(self._folders.new())
                self._layout.fill(SnapshotFolder(made, kind, parents))
            except OSError as error:
                raise Unavailable(f"prepare snapshot {key}: {error}") from error

            def insert(connection: sqlite3.Connection) -> int | AlreadyExists:
                if (refusal := self._refusal(connection, scope, key, target)) is not None:
                    return refusal  # raised below: the lease is to hold what is there
                snapshot = rows.insert(connection, place, info)
                self._leases.hold(connection, scope, self._kind, key)
                self._folders.place(made, snapshot)
                return snapshot

            snapshot = self._database.write(insert)
        if isinstance(snapshot, AlreadyExists):
            raise snapshot
        if self._layout.copies_parents and parents:
            self._settling.want()
        return self._layout.mounts(SnapshotFolder(self._folders.of(snapshot), kind, parents))

    def _parents_unless_there(self, scope: Scope, key: str, target: str, parent: str) -> tuple[int, ...]:
        """Ids, the nearest first. Raises NotFound, InvalidArgument (parent); AlreadyExists before those."""
        place = self._place(scope)

        def read(connection: sqlite3.Connection) -> tuple[int, ...] | None:
            is_there = any(name and rows.exists(connection, place, name) for name in (target, key))
            return None if is_there else _parents(connection, place, parent)

        while (chain := self._database.read(read)) is None:
            refusal = self._database.write(lambda connection: self._refusal(connection, scope, key, target))
            if refusal is not None:
                raise refusal
        return chain

    def _refusal(self, connection: sqlite3.Connection, scope: Scope, key: str, target: str) -> AlreadyExists | None:
        """Why a snapshot is not made: it is there, or what it is to become. The lease then holds that."""
        for what, name in (("target snapshot", target), ("snapshot", key)):
            if name and rows.exists(connection, self._place(scope), name):
                self._leases.hold(connection, scope, self._kind, name)
                return AlreadyExists(f"{what} {quoted(name)}: already exists")
        return None

    @property
    def _kind(self) -> str:
        """What leases call snapshots of this snapshotter."""
        return f"snapshots/{self.name}"

    def _folder(self, kind: SnapshotKind, chain: tuple[int, ...]) -> SnapshotFolder:
        own, *parents = map(self._folders.of, chain)
        return SnapshotFolder(own, kind, tuple(parents))

    def _place(self, scope: Scope) -> rows.Place:
        return rows.Place(self.name, scope.namespace)


def _parents(connection: sqlite3.Connection, place: rows.Place, parent: str) -> tuple[int, ...]:
    """Ids, the nearest first. Raises NotFound, FailedPrecondition."""
    nearest = rows.parent_of(connection, place, parent)
    return () if nearest is None else rows.chain(connection, nearest)
