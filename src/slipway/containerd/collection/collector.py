"""The collector: reads the graph, lets `mark` decide, and removes what it chose."""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from typing import Final, Protocol

from slipway.base.clock import Clock
from slipway.base.errors import FailedPrecondition, NotFound
from slipway.containerd.collection.mark import unreachable
from slipway.containerd.collection.model import Node
from slipway.containerd.collection.rows import Snapshots, delete_content, delete_expired_leases, read_graph
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.database.interface import Database

log = logging.getLogger(__name__)

# Deletions within this time are collected together; the original waits for none, but collects far less often.
REST_SECONDS: Final = 1.0


class BlobFiles(Protocol):
    def remove_unknown_blobs(self) -> object:
        """Remove the files that no namespace has a row of. Blocks on files."""
        ...


class Collector:
    """One collection at a time. A crash in the middle leaves files without rows, which the next collection removes."""

    def __init__(
        self, database: Database, snapshotters: Mapping[str, Snapshotter], blobs: BlobFiles, clock: Clock
    ) -> None:
        self._database = database
        self._snapshotters = snapshotters
        self._blobs = blobs
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._wanted = asyncio.Event()

    async def collect(self) -> None:
        """Remove everything that nothing keeps, and return when it is gone."""
        async with self._one_at_a_time:
            self._wanted.clear()
            await asyncio.to_thread(self._collect)

    def collect_soon(self) -> None:
        """Have a collection run in the background, after a rest in which more may gather."""
        self._wanted.set()

    async def run(self) -> None:
        """Collect whenever it is wanted, until cancelled."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(REST_SECONDS)
            try:
                await self.collect()
            except Exception:  # the edge of a background job: the next collection does what this one could not
                log.exception("collection failed")

    def _collect(self) -> None:
        snapshots = self._list_snapshots()
        now = self._clock.now()

        def choose_and_forget(connection: sqlite3.Connection) -> frozenset[Node]:
            delete_expired_leases(connection, now)
            chosen = unreachable(read_graph(connection, snapshots, now))
            delete_content(connection, chosen)
            return chosen

        chosen = self._database.write(choose_and_forget, durable=True)
        self._remove_snapshots(snapshots, chosen)
        self._blobs.remove_unknown_blobs()
        for snapshotter in self._snapshotters.values():
            snapshotter.cleanup()
        if chosen:
            log.debug("collected", extra={"fields": {"objects": len(chosen)}})

    def _list_snapshots(self) -> Snapshots:
        rows = self._database.read(lambda connection: connection.execute("SELECT name FROM namespaces").fetchall())
        return {
            (row["name"], name): snapshotter.list(Scope(row["name"]))
            for row in rows
            for name, snapshotter in self._snapshotters.items()
        }

    def _remove_snapshots(self, snapshots: Snapshots, chosen: frozenset[Node]) -> None:
        """Children before their parents. What got a child since it was chosen is refused by its snapshotter, and
        stays."""
        for (namespace, name), infos in snapshots.items():
            parents = {info.name: info.parent for info in infos}
            doomed = [key for key in parents if Node(f"snapshots/{name}", namespace, key) in chosen]
            for key in sorted(doomed, key=lambda key: -_depth(key, parents)):
                try:
                    self._snapshotters[name].remove(Scope(namespace), key)
                except (NotFound, FailedPrecondition) as error:
                    log.debug("snapshot stays", extra={"fields": {"key": key, "error": error}})


def _depth(key: str, parents: Mapping[str, str]) -> int:
    depth = 0
    while key := parents.get(key, ""):
        depth += 1
    return depth
