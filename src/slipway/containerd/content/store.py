"""The content store: blobs and ingests as files, what namespaces know of them as rows. See interface.ContentStore."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound, Unavailable
from slipway.base.files import sync_directory, unlink_if_present
from slipway.containerd.content.ingests import (
    ingest_names,
    last_change,
    list_ingests,
    make_ingest,
    read_ingest,
    remove_ingest,
    remove_left,
)
from slipway.containerd.content.interface import NEVER_RESUMED
from slipway.containerd.content.layout import blob_path, ingest_path, split_digest
from slipway.containerd.content.model import ContentInfo, IngestStatus
from slipway.containerd.content.reader import FileReader
from slipway.containerd.content.rows import (
    delete_row,
    get_row,
    has_row,
    insert_row,
    list_rows,
    size_anywhere,
    update_labels,
)
from slipway.containerd.content.writer import FileWriter, FinishedIngest, SharedBlobWriter
from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.leases.interface import LeaseHolder
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.filters import filters_from_texts
from slipway.contracts.containerd_api.generated import event_types_pb2 as events
from slipway.contracts.containerd_api.labels import check_labels, labels_after_info_update, labels_to_keep
from slipway.contracts.containerd_api.words import quoted
from slipway.database.interface import Database

# An unfinished write is kept this long for whoever goes on with it, as the original keeps it.
REF_LIMIT: Final = 32 << 10  # bytes of a ref: each listing reads all of them
INGEST_SECONDS: Final = 24 * 3600


class FileContentStore:
    """Blobs below `root`. Made once per process: the locks on refs are in its memory."""

    def __init__(
        self, root: str, database: Database, leases: LeaseHolder, events: EventPublisher, clock: Clock, *,
        shares: bool = True,
    ) -> None:  # fmt: skip
        """`shares`: who writes what another namespace has already gets it by the digest alone, without a byte sent."""
        self._root = root
        self._shares = shares
        self._database = database
        self._leases = leases
        self._events = events
        self._clock = clock
        self._locks: dict[tuple[str, str], _RefLock] = {}
        self._refs_lock = threading.Lock()
        # Held while a blob's file and its row change together, so that a collection never unlinks what a commit adds.
        self._blobs_lock = threading.Lock()
        for folder in ("ingest", "blobs/sha256", "blobs/sha384", "blobs/sha512"):
            os.makedirs(f"{root}/{folder}", mode=0o700, exist_ok=True)
        remove_left(root)

    def info(self, scope: Scope, digest: str) -> ContentInfo:
        split_digest(digest)
        return self._database.read(lambda connection: get_row(connection, scope, digest))

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> list[ContentInfo]:
        wanted = filters_from_texts(filters)
        return self._database.read(lambda connection: list_rows(connection, scope, wanted))

    def update(self, scope: Scope, digest: str, labels: Mapping[str, str], fields: Iterable[str] = ()) -> ContentInfo:
        split_digest(digest)
        masks = tuple(fields)
        now = self._clock.now()

        def change(connection: sqlite3.Connection) -> ContentInfo:
            current = get_row(connection, scope, digest)
            kept = labels_after_info_update(current.labels, labels, masks, f"content info {quoted(digest)}")
            changed = replace(current, labels=kept, updated_at=now)
            update_labels(connection, scope, changed)
            return changed

        return self._database.write(change, durable=True)

    def delete(self, scope: Scope, digest: str) -> None:
        split_digest(digest)

        def delete(connection: sqlite3.Connection) -> None:
            delete_row(connection, scope, digest)
            self._leases.release(connection, scope, "content", digest)

        self._database.write(delete, durable=True)
        self._events.publish(scope.namespace, "/content/delete", events.ContentDelete(digest=digest))

    def reader(self, scope: Scope, digest: str) -> FileReader:
        self.info(scope, digest)
        try:
            return FileReader(blob_path(self._root, digest))
        except FileNotFoundError as error:
            raise NotFound(f"content {digest}: its file is gone") from error

    def read(self, scope: Scope, digest: str, *, limit: int = 8 << 20) -> bytes:
        with self.reader(scope, digest) as reader:
            if reader.size > limit:
                raise InvalidArgument(f"content {digest}: {reader.size} bytes are more than {limit}")
            return reader.read_at(0, limit)

    def writer(self, scope: Scope, ref: str, *, total: int = 0, expected: str = "") -> FileWriter | SharedBlobWriter:
        path = ingest_path(self._root, scope.namespace, ref)
        if (length := len(ref.encode())) > REF_LIMIT:
            raise InvalidArgument(f"ref of {length} bytes is longer than {REF_LIMIT}")
        algorithm = "sha256"
        if expected:
            algorithm = split_digest(expected)[0]
            if (shared := self._shared_writer(scope, ref, expected)) is not None:
                return shared
        lock = self._lock_ref(scope, ref)
        try:
            if scope.lease:
                self._database.write(lambda connection: self._leases.hold(connection, scope, "ingests", ref))
            make_ingest(self._root, scope.namespace, ref, total=total, expected=expected, now=self._clock.now())
            commit, release = partial(self._commit, scope, lock), partial(self._unlock_ref, lock)
            return FileWriter(path, ref, commit, release, algorithm=algorithm)
        except BaseException:
            self._unlock_ref(lock)
            raise

    def status(self, scope: Scope, ref: str) -> IngestStatus:
        try:
            return read_ingest(ingest_path(self._root, scope.namespace, ref))[1]
        except (NotFound, InvalidArgument) as error:
            raise NotFound(f"reference {ref}: not found") from error

    def statuses(self, scope: Scope, filters: Sequence[str] = ()) -> Sequence[IngestStatus]:
        wanted = filters_from_texts(filters)
        found = list_ingests(self._root, scope.namespace)
        return [status for status in found if wanted.matches(partial(_status_field, status))]

    def abort(self, scope: Scope, ref: str) -> None:
        if not ref or not self._remove_ingest(scope, ref):
            raise NotFound(f"reference {ref}: not found")
        if scope.lease:
            self._database.write(lambda connection: self._leases.release(connection, scope, "ingests", ref))

    def _remove_ingest(self, scope: Scope, ref: str, *, unless_open: bool = False) -> bool:
        """False where there is none."""
        key = (scope.namespace, ref)
        with self._blobs_lock:  # a writer that is about to commit has done so, or will not
            with self._refs_lock:
                if unless_open and key in self._locks:
                    return True
                self._locks.pop(key, None)
            try:
                remove_ingest(ingest_path(self._root, scope.namespace, ref))
            except NotFound:
                return False
        return True

    def remove_unknown_blobs(self) -> Sequence[str]:
        """Remove the files that no namespace has a row of; returns their digests. Safe beside every other call."""
        removed = []
        for algorithm in os.listdir(f"{self._root}/blobs"):
            for digits in os.listdir(f"{self._root}/blobs/{algorithm}"):
                digest = f"{algorithm}:{digits}"
                with self._blobs_lock:
                    if self._database.read(partial(size_anywhere, digest=digest)) is None:
                        unlink_if_present(blob_path(self._root, digest))
                        removed.append(digest)
        return removed

    def remove_stale_ingests(self, held: Set[tuple[str, str]]) -> None:
        """Remove what nobody has written to for a day, and what has become a blob; none of `held` (namespace, ref)."""
        limit = self._clock.now() - INGEST_SECONDS * 1_000_000_000
        for name in ingest_names(self._root):
            path = f"{self._root}/ingest/{name}"
            is_old = last_change(path) <= limit
            try:
                namespace, status = read_ingest(path)
            except NotFound:  # a crash left it before it was one
                if is_old:
                    shutil.rmtree(path, ignore_errors=True)
                continue
            if (namespace, status.ref) not in held and (is_old or self._has(Scope(namespace), status.expected)):
                self._remove_ingest(Scope(namespace), status.ref, unless_open=True)

    def drop_ingests(self) -> None:
        """Remove every unfinished write: the machine stopped, and of their bytes any may be missing.

        To be called before anybody writes.
        """
        for name in ingest_names(self._root):
            remove_ingest(f"{self._root}/ingest/{name}")

    def drop_never_resumed(self) -> None:
        """Remove what nobody goes on with: an earlier daemon's own writes, and what a crash left before it was one.

        To be called before anybody writes.
        """
        for name in ingest_names(self._root):
            path = f"{self._root}/ingest/{name}"
            try:
                is_left = read_ingest(path)[1].ref.startswith(NEVER_RESUMED)
            except NotFound:
                is_left = True
            if is_left:
                remove_ingest(path)

    def _shared_writer(self, scope: Scope, ref: str, expected: str) -> SharedBlobWriter | None:
        size, is_ours = self._find_and_hold(scope, expected)
        if is_ours:
            raise AlreadyExists(f"content {expected}: already exists")
        if size is None or not self._shares:
            return None
        now = self._clock.now()
        status = IngestStatus(ref=ref, offset=size, total=size, expected=expected, started_at=now, updated_at=now)
        return SharedBlobWriter(status, expected, partial(self._share, scope, expected, size))

    def _has(self, scope: Scope, digest: str) -> bool:
        return self._database.read(lambda connection: has_row(connection, scope, digest))

    def _find_and_hold(self, scope: Scope, digest: str) -> tuple[int | None, bool]:
        """The size of a blob that any namespace has, and whether this one has it: then the scope's lease holds it."""

        def change(connection: sqlite3.Connection) -> tuple[int | None, bool]:
            is_ours = has_row(connection, scope, digest)
            if is_ours:
                self._leases.hold(connection, scope, "content", digest)
            return size_anywhere(connection, digest), is_ours

        return self._database.write(change)

    def _share(self, scope: Scope, digest: str, size: int, labels: Mapping[str, str]) -> ContentInfo:
        """Raises Unavailable where the last namespace that had it has lost it since."""
        with self._blobs_lock:
            if not os.path.exists(blob_path(self._root, digest)):
                raise Unavailable(f"commit content {digest}: it was removed meanwhile", hint="write it again")
            return self._add_row(scope, digest, size, labels)

    def _commit(
        self, scope: Scope, lock: "_RefLock", finished: FinishedIngest, labels: Mapping[str, str]
    ) -> ContentInfo:
        target = blob_path(self._root, finished.digest)
        check_labels(labels, "info.Labels")
        with self._blobs_lock:
            if self._locks.get((lock.namespace, lock.ref)) is not lock:
                raise NotFound(f"reference {lock.ref}: was aborted: not found")
            if not os.path.exists(target):
                os.chmod(f"{finished.path}/data", 0o444)
                os.rename(f"{finished.path}/data", target)
                sync_directory(os.path.dirname(target))
            try:
                return self._add_row(scope, finished.digest, finished.size, labels, lock.ref)
            finally:
                remove_ingest(finished.path)

    def _add_row(self, scope: Scope, digest: str, size: int, labels: Mapping[str, str], ref: str = "") -> ContentInfo:
        now = self._clock.now()
        info = ContentInfo(digest=digest, size=size, created_at=now, updated_at=now, labels=labels_to_keep(labels))

        def add(connection: sqlite3.Connection) -> AlreadyExists | None:
            self._leases.hold(connection, scope, "content", digest)
            self._leases.release(connection, scope, "ingests", ref)
            try:
                insert_row(connection, scope, info)
            except AlreadyExists as error:
                return error  # raised below: the lease is to hold what was there before, too
            return None

        if (refusal := self._database.write(add, durable=True)) is not None:
            raise refusal
        self._events.publish(scope.namespace, "/content/create", events.ContentCreate(digest=digest, size=size))
        return info

    def _lock_ref(self, scope: Scope, ref: str) -> "_RefLock":
        lock = _RefLock(scope.namespace, ref)
        with self._refs_lock:
            if (scope.namespace, ref) in self._locks:
                raise Unavailable(f"ref {scope.namespace}/{ref} locked: another writer has it: unavailable")
            self._locks[scope.namespace, ref] = lock
        return lock

    def _unlock_ref(self, lock: "_RefLock") -> None:
        with self._refs_lock:
            if self._locks.get((lock.namespace, lock.ref)) is lock:
                del self._locks[lock.namespace, lock.ref]


@dataclass(frozen=True, slots=True, eq=False)
class _RefLock:
    """One writer's hold on a ref; an abort takes it away, and the writer then commits nothing."""

    namespace: str
    ref: str


def _status_field(status: IngestStatus, path: tuple[str, ...]) -> str | None:
    return status.ref if path == ("ref",) else None
