"""A snapshotter that another process serves: its snapshots are named, labelled and kept alive here.

The backend does not know what holds a snapshot. It is asked to make NAMESPACE/NUMBER/KEY and sees the labels that are
meant for snapshotters. What it is asked to make is written down first, so that neither a crash here nor an answer that
never comes leaves anything that nobody knows; and it is asked to remove nothing but that.
"""

import builtins
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

from slipway.base.clock import Clock
from slipway.base.errors import (
    AlreadyExists,
    EngineError,
    FailedPrecondition,
    InternalError,
    InvalidArgument,
    NotFound,
    NotImplementedByEngine,
)
from slipway.clients.snapshotter.client import BackendSnapshot, SnapshotterClient
from slipway.containerd.leases.interface import LeaseHolder
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots import proxy_rows, rows
from slipway.containerd.snapshots.model import (
    REFERENCE_LABEL,
    SnapshotInfo,
    SnapshotKind,
    SnapshotUsage,
    check_key,
    field_of,
    labels_for_snapshotter,
)
from slipway.contracts.containerd_api.filters import filters_from_texts
from slipway.contracts.containerd_api.labels import check_labels, labels_after_info_update
from slipway.contracts.containerd_api.types import Mount
from slipway.contracts.containerd_api.words import quoted
from slipway.database.interface import Database

log = logging.getLogger(__name__)

# Calls to one backend at a time: one that hangs keeps its threads, and nobody else's.
CALLS: Final = 64
# How long a collection waits for a backend to remove what is left; it goes on by itself.
CLEANUP_SECONDS: Final = 5.0
_Make = Callable[[str, str, str, Mapping[str, str]], tuple[Mount, ...]]


class ProxySnapshotter:
    """See interface.Snapshotter. What the backend refuses is raised as the error that it is."""

    is_remote = True
    is_independent = False

    def __init__(
        self,
        backend: SnapshotterClient,
        database: Database,
        leases: LeaseHolder,
        clock: Clock,
        *,
        wants_source: bool = False,
    ) -> None:
        self.name = backend.name
        self.wants_source = wants_source
        self._threads = ThreadPoolExecutor(CALLS, thread_name_prefix=f"snapshotter {backend.name}")
        self.threads: Executor | None = self._threads
        self._backend = backend
        self._database = database
        self._leases = leases
        self._clock = clock
        self._running: set[str] = set()  # names that a call of ours is about to make
        self._adopting = threading.Lock()  # what the backend made by itself is not removed between look and row
        self._cleaning: Future[None] | None = None
        for statement in (rows.SCHEMA, rows.INDEX, proxy_rows.KEYS, proxy_rows.LEFTOVERS):
            database.write(lambda connection, statement=statement: connection.execute(statement))  # type: ignore[misc]

    def prepare(
        self, scope: Scope, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Mount, ...]:
        return self._create(scope, SnapshotKind.ACTIVE, key, parent, labels or {}, self._backend.prepare)

    def prepare_layer(self, scope: Scope, key: str, labels: Mapping[str, str]) -> tuple[Mount, ...]:
        raise NotImplementedByEngine(f"prepare snapshot {key}: snapshotter {self.name} wants its parent first")

    def rebase(self, scope: Scope, key: str, parent: str) -> tuple[Mount, ...]:
        raise NotImplementedByEngine(f"rebase snapshot {key}: snapshotter {self.name} cannot")

    def hold(self, scope: Scope, name: str) -> bool:
        """What the backend has lost since is not there."""
        place = self._place(scope)

        def change(connection: sqlite3.Connection) -> bool:
            if not rows.exists(connection, place, name):
                return False
            self._leases.hold(connection, scope, f"snapshots/{self.name}", name)
            return rows.get(connection, place, name).info.kind is SnapshotKind.COMMITTED

        if not self._database.write(change):
            return False
        try:
            self.stat(scope, name)
        except NotFound:
            return False
        return True

    def view(
        self, scope: Scope, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Mount, ...]:
        return self._create(scope, SnapshotKind.VIEW, key, parent, labels or {}, self._backend.view)

    def mounts(self, scope: Scope, key: str) -> tuple[Mount, ...]:
        row, name = self._row(scope, key)
        if row.info.kind is SnapshotKind.COMMITTED:
            raise InvalidArgument(f"snapshot {key} is committed: only active ones and views have mounts")
        return self._backend.mounts(scope.namespace, name)

    def commit(self, scope: Scope, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        given = labels or {}
        check_key(name)
        check_labels(given)
        place, now = self._place(scope), self._clock.now()

        def reserve(connection: sqlite3.Connection) -> tuple[str, str]:
            row = rows.get(connection, place, key)
            if row.info.kind is not SnapshotKind.ACTIVE:
                raise FailedPrecondition(f"snapshot {key} is not active")
            if rows.exists(connection, place, name):
                raise AlreadyExists(f"snapshot {name}: already exists")
            return self._reserved(connection, place, name), proxy_rows.key_of(connection, row.id)

        def store(connection: sqlite3.Connection) -> None:
            rows.commit(connection, place, key, name, given, now)
            proxy_rows.set_key(connection, place, rows.get(connection, place, name).id, new)
            self._leases.hold(connection, scope, f"snapshots/{self.name}", name)

        new, old = self._database.write(reserve)
        with self._making(new):
            self._backend.commit(scope.namespace, new, old, labels_for_snapshotter(given))
            self._database.write(store)

    def remove(self, scope: Scope, key: str) -> None:
        """The backend is told with the next cleanup."""
        self._database.write(lambda connection: self.forget(connection, scope.namespace, (key,)))

    def infos(self, connection: sqlite3.Connection, namespace: str) -> builtins.list[SnapshotInfo]:
        return [row.info for row in rows.all_of(connection, rows.Place(self.name, namespace))]

    def forget(self, connection: sqlite3.Connection, namespace: str, keys: Sequence[str]) -> None:
        place = rows.Place(self.name, namespace)
        for key in keys:
            name = proxy_rows.key_of(connection, rows.get(connection, place, key).id)
            rows.delete(connection, place, key)
            proxy_rows.leave(connection, place, name)

    def stat(self, scope: Scope, key: str) -> SnapshotInfo:
        row, name = self._row(scope, key)
        return _joined(row.info, self._backend.stat(scope.namespace, name))

    def update(self, scope: Scope, key: str, labels: Mapping[str, str], fields: Iterable[str] = ()) -> SnapshotInfo:
        masks, now = tuple(fields), self._clock.now()
        row, name = self._row(scope, key)
        changed = labels_after_info_update(row.info.labels, labels, masks, f"snapshot {quoted(key)}")
        found = self._backend.update(scope.namespace, name, labels_for_snapshotter(changed), masks)
        self._database.write(lambda connection: rows.set_labels(connection, row.id, changed, now))
        return _joined(replace(row.info, labels=changed, updated_at=now), found)

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> builtins.list[SnapshotInfo]:
        """What the backend has lost is left out."""
        wanted = filters_from_texts(filters)
        known = self._database.read(lambda connection: self._named_rows(connection, scope))
        there = self._backend.list(scope.namespace) if known else {}
        infos = [_joined(row.info, there[name]) for row, name in known if name in there]
        return [info for info in infos if wanted.matches(lambda path, info=info: field_of(info, path))]  # type: ignore[misc]

    def usage(self, scope: Scope, key: str) -> SnapshotUsage:
        size, inodes = self._backend.usage(scope.namespace, self._row(scope, key)[1])
        return SnapshotUsage(size=size, inodes=inodes)

    def cleanup(self) -> None:
        """Have the backend remove what is left, and wait a while for it. One that hangs is not waited for again."""
        if self._cleaning is not None and not self._cleaning.done():
            return
        if self._database.read(lambda connection: proxy_rows.leftovers(connection, self.name)):
            self._cleaning = self._threads.submit(self._remove_leftovers)
            wait([self._cleaning], CLEANUP_SECONDS)

    def close(self) -> None:
        """On the loop, when nothing calls any more: what the backend has not answered by now fails."""
        self._backend.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _create(
        self, scope: Scope, kind: SnapshotKind, key: str, parent: str, labels: Mapping[str, str], make: _Make
    ) -> tuple[Mount, ...]:
        check_key(key)
        check_labels(labels)
        place, now, target = self._place(scope), self._clock.now(), labels.get(REFERENCE_LABEL, "")
        info = SnapshotInfo(name=key, parent=parent, kind=kind, created_at=now, updated_at=now, labels=labels)

        def reserve(connection: sqlite3.Connection) -> tuple[str, str] | None:
            for taken in (target, key):
                if taken and rows.exists(connection, place, taken):
                    self._leases.hold(connection, scope, f"snapshots/{self.name}", taken)
                    return None
            below = proxy_rows.parent_key(connection, place, parent)
            return self._reserved(connection, place, key), below

        reserved = self._database.write(reserve)
        if reserved is None:
            raise AlreadyExists(f"snapshot {target or key}: already exists")
        name, below = reserved
        with self._making(name):
            try:
                mounts = make(scope.namespace, name, below, labels_for_snapshotter(labels))
            except AlreadyExists as error:
                if not target:
                    raise InternalError(f"snapshot {key}: its name is new, but {error.message}") from error
                self._adopt(scope, replace(info, name=target, kind=SnapshotKind.COMMITTED), below)
                raise AlreadyExists(f"snapshot {target}: the snapshotter has it already") from error
            self._store(scope, info, name)
        return mounts

    def _adopt(self, scope: Scope, wanted: SnapshotInfo, below: str) -> None:
        """The backend made the committed snapshot by itself, of a layer that it has: it becomes ours, as `wanted`.

        Raises NotFound where it has none like that after all.
        """
        # Neither quote nor backslash is in a digest, but a label may be anything: the look at each one decides.
        is_plain = not set('"\\') & set(wanted.name + below)
        filters = [f'labels."{REFERENCE_LABEL}"=="{wanted.name}",parent=="{below}"'] if is_plain else []
        with self._adopting:
            for found in self._backend.list(scope.namespace, *filters).values():
                is_meant = found.labels.get(REFERENCE_LABEL) == wanted.name and found.parent == below
                if found.kind == SnapshotKind.COMMITTED and is_meant:
                    with suppress(AlreadyExists):  # another call was faster
                        self._store(scope, _joined(wanted, found), found.name)
                    return
        raise NotFound(f"snapshot {wanted.name}: snapshotter {self.name} said that it has it, but does not list it")

    def _store(self, scope: Scope, info: SnapshotInfo, name: str) -> None:
        place = self._place(scope)

        def insert(connection: sqlite3.Connection) -> None:
            proxy_rows.set_key(connection, place, rows.insert(connection, place, info), name)
            self._leases.hold(connection, scope, f"snapshots/{self.name}", info.name)

        self._database.write(insert)

    def _reserved(self, connection: sqlite3.Connection, place: rows.Place, key: str) -> str:
        """A name that is kept from the cleanup from now on; `_making` ends that."""
        name = proxy_rows.reserve(connection, place, key)
        self._running.add(name)
        return name

    @contextmanager
    def _making(self, name: str) -> Iterator[None]:
        try:
            yield
        finally:
            self._running.discard(name)

    def _row(self, scope: Scope, key: str) -> tuple[rows.SnapshotRow, str]:
        place = self._place(scope)

        def read(connection: sqlite3.Connection) -> tuple[rows.SnapshotRow, str]:
            row = rows.get(connection, place, key)
            return row, proxy_rows.key_of(connection, row.id)

        return self._database.read(read)

    def _named_rows(self, connection: sqlite3.Connection, scope: Scope) -> builtins.list[tuple[rows.SnapshotRow, str]]:
        found = rows.all_of(connection, self._place(scope))
        return [(row, proxy_rows.key_of(connection, row.id)) for row in found]

    def _place(self, scope: Scope) -> rows.Place:
        return rows.Place(self.name, scope.namespace)

    def _remove_leftovers(self) -> None:
        """Children before their parents: a backend refuses those, so that it is asked again after each success."""
        namespace = ""
        try:
            while removed := [place for place, name in self._idle_leftovers() if self._remove_leftover(place, name)]:
                namespace = removed[0].namespace
            if namespace:
                with suppress(NotImplementedByEngine):
                    self._backend.cleanup(namespace)
        except EngineError as error:  # the edge of a background job: the next cleanup tries again
            log.warning("a snapshotter does not clean up", extra={"fields": {"error": error}})

    def _idle_leftovers(self) -> builtins.list[tuple[rows.Place, str]]:
        found = self._database.read(lambda connection: proxy_rows.leftovers(connection, self.name))
        return [(place, name) for place, name in found if name not in self._running]

    def _remove_leftover(self, place: rows.Place, name: str) -> bool:
        """False where it must stay for now: something stands on it, or another namespace has it."""
        with self._adopting:
            if self._database.read(lambda connection: proxy_rows.is_in_use(connection, self.name, name)):
                return False
            try:
                self._backend.remove(place.namespace, name)
            except NotFound:
                pass
            except FailedPrecondition:
                return False
            self._database.write(lambda connection: proxy_rows.forget(connection, place, name))
            return True


def _joined(info: SnapshotInfo, found: BackendSnapshot) -> SnapshotInfo:
    """Ours, with the labels that the backend adds."""
    return replace(info, labels={**found.labels, **info.labels})
