"""The database itself: one SQLite file, one thread that writes, connections of their own for threads that read."""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from slipway.base.errors import InternalError, Unavailable

Result = TypeVar("Result")

BUSY_SECONDS: Final = 10.0
PAGE_CACHE_KIB: Final = 512  # per connection; the default of 2 MiB shows in the daemon's memory
BATCH_LIMIT: Final = 64


class SqliteDatabase:
    """See interface.Database.

    A crash of the process loses nothing that `write` returned from; SQLite's WAL is replayed at the next start. Only
    batches with a durable change wait for the disk (synchronous=FULL): the others are written, not synced.
    """

    def __init__(self, path: str, schema: str) -> None:
        """Open or make the file and apply `schema`, which must be idempotent. Raises Unavailable."""
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._readers = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._open_lock = threading.Lock()
        try:
            self._writer = self._connect()
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.executescript(schema)
        except sqlite3.Error as error:
            for connection in self._open:
                connection.close()
            raise Unavailable(f"open database {path}: {error}", hint="move the file away to start afresh") from error
        self._full_sync = True
        self._thread = threading.Thread(target=self._write_forever, name="database-writer", daemon=True)
        self._thread.start()

    def read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = self._readers.connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
        return query(connection)

    def write(self, change: Callable[[sqlite3.Connection], Result], *, durable: bool = False) -> Result:
        return self._submit(change, durable).result()

    def close(self) -> None:
        """Write what is queued, then close every connection. Reads and writes after it fail."""
        self._jobs.put(None)
        self._thread.join()
        with self._open_lock:
            for connection in self._open:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        # The writer's connection is made here and used on its thread only; readers' are closed by `close`.
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        with self._open_lock:
            self._open.append(connection)
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _submit(self, change: Callable[[sqlite3.Connection], Result], durable: bool) -> "Future[Result]":
        if not self._thread.is_alive():
            raise Unavailable("write to the database: it is closed")
        future: Future[Result] = Future()
        self._jobs.put(_Job(change, durable, future))
        return future

    def _write_forever(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch, last = self._batch(first)
            self._commit(batch)
            if last:
                return

    def _batch(self, first: "_Job") -> tuple[list["_Job"], bool]:
        """What else waits by now joins the first job's transaction: its commit costs the same."""
        batch = [first]
        while len(batch) < BATCH_LIMIT:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return batch, False
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _commit(self, batch: list["_Job"]) -> None:
        try:
            self._set_sync(full=any(job.durable for job in batch))
            self._writer.execute("BEGIN IMMEDIATE")
            for job in batch:
                job.run(self._writer)
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            failure = InternalError(f"write to database {self._path}: {error}")
            failure.__cause__ = error
            for job in batch:
                job.future.set_exception(failure)
            return
        for job in batch:
            job.settle()

    def _set_sync(self, *, full: bool) -> None:
        if full != self._full_sync:
            # SQLite allows this between transactions only.
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            self._full_sync = full


class _Job:
    """One change on its way through the writer: run behind a savepoint, settled after the commit."""

    __slots__ = ("change", "durable", "error", "future", "result")

    def __init__(self, change: Callable[[sqlite3.Connection], Any], durable: bool, future: "Future[Any]") -> None:
        self.change = change
        self.durable = durable
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        connection.execute("SAVEPOINT job")
        try:
            self.result = self.change(connection)
        except Exception as error:  # noqa: BLE001 - it is the caller's, who gets it from the future
            self.error = error
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")

    def settle(self) -> None:
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)
