"""The collector: reads the graph, lets `mark` decide, and removes what it chose."""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping, Set
from typing import Protocol

from slipway.base.clock import Clock
from slipway.containerd.collection.mark import unreachable
from slipway.containerd.collection.model import IMAGES, SNAPSHOTS, Node
from slipway.containerd.collection.rows import (
    delete_expired_leases,
    delete_rows,
    leased_ingests,
    namespaces,
    read_graph,
)
from slipway.containerd.collection.schedule import Schedule
from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.containerd.snapshots.model import SnapshotInfo
from slipway.contracts.containerd_api.generated.event_types_pb2 import SnapshotRemove
from slipway.contracts.containerd_api.generated.images_pb2 import ImageDelete
from slipway.database.interface import Database

log = logging.getLogger(__name__)


class BlobFiles(Protocol):
    def remove_unknown_blobs(self) -> object:
        """Remove the files that no namespace has a row of. Blocks on files."""
        ...

    def remove_stale_ingests(self, held: Set[tuple[str, str]]) -> None:
        """Remove unfinished writes that nobody goes on with; none of `held` (namespace, ref). Blocks on files."""
        ...


class Collector:
    """One collection at a time. A crash in the middle leaves files without rows, which the next collection removes."""

    def __init__(
        self,
        database: Database,
        snapshotters: Mapping[str, Snapshotter],
        blobs: BlobFiles,
        events: EventPublisher,
        clock: Clock,
        schedule: Schedule | None = None,
    ) -> None:
        self._database = database
        self._snapshotters = snapshotters
        self._blobs = blobs
        self._events = events
        self._clock = clock
        self._schedule = schedule or Schedule()
        self._one_at_a_time = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._deletions = 0
        self._last_pause = 0.0  # seconds

    async def collect(self) -> None:
        """Remove everything that nothing keeps, and return when it is gone."""
        async with self._one_at_a_time:
            self._wanted.clear()
            self._deletions = 0
            await asyncio.to_thread(self._collect)

    def collect_soon(self) -> None:
        """Something was deleted: have a collection run in the background, after a rest in which more may gather."""
        self._deletions += 1
        if self._schedule.is_due(self._deletions):
            self._wanted.set()

    async def run(self) -> None:
        """Collect what an earlier daemon left, and then whenever it is wanted, until cancelled."""
        await asyncio.sleep(self._schedule.startup_delay)
        while True:
            try:
                await self.collect()
            except Exception:  # the edge of a background job: the next collection does what this one could not
                log.exception("collection failed")
            await self._wanted.wait()
            await asyncio.sleep(self._schedule.seconds_until_next(self._last_pause))

    def _collect(self) -> None:
        now = self._clock.now()

        def choose_and_forget(connection: sqlite3.Connection) -> tuple[frozenset[Node], set[tuple[str, str]]]:
            began = self._clock.monotonic()
            delete_expired_leases(connection, now)
            snapshots = self._list_snapshots(connection)
            chosen = unreachable(read_graph(connection, snapshots, now))
            delete_rows(connection, chosen)
            self._forget_snapshots(connection, snapshots, chosen)
            self._last_pause = self._clock.monotonic() - began
            return chosen, leased_ingests(connection)

        # One transaction: nothing can come to be kept between the choice and the removal.
        chosen, ingests = self._database.write(choose_and_forget, durable=True)
        self._tell(chosen)
        self._blobs.remove_stale_ingests(ingests)
        self._blobs.remove_unknown_blobs()
        for snapshotter in self._snapshotters.values():
            snapshotter.cleanup()
        if chosen:
            log.debug("collected", extra={"fields": {"objects": len(chosen)}})

    def _list_snapshots(self, connection: sqlite3.Connection) -> dict[tuple[str, str], list[SnapshotInfo]]:
        return {
            (namespace, name): list(snapshotter.infos(connection, namespace))
            for namespace in namespaces(connection)
            for name, snapshotter in self._snapshotters.items()
        }

    def _forget_snapshots(
        self,
        connection: sqlite3.Connection,
        snapshots: Mapping[tuple[str, str], list[SnapshotInfo]],
        chosen: frozenset[Node],
    ) -> None:
        """Children before their parents: a child keeps its parent, so all that is upon a chosen one is chosen, too."""
        for (namespace, name), infos in snapshots.items():
            parents = {info.name: info.parent for info in infos}
            doomed = [key for key in parents if Node(f"{SNAPSHOTS}{name}", namespace, key) in chosen]
            doomed.sort(key=lambda key: -_depth(key, parents))
            self._snapshotters[name].forget(connection, namespace, doomed)

    def _tell(self, chosen: frozenset[Node]) -> None:
        """Of what the original tells, too."""
        for node in chosen:
            if node.kind == IMAGES:
                self._events.publish(node.namespace, "/images/delete", ImageDelete(name=node.key))
            elif node.kind.startswith(SNAPSHOTS):
                removed = SnapshotRemove(key=node.key, snapshotter=node.kind.removeprefix(SNAPSHOTS))
                self._events.publish(node.namespace, "/snapshot/remove", removed)


def _depth(key: str, parents: Mapping[str, str]) -> int:
    depth = 0
    while key := parents.get(key, ""):
        depth += 1
    return depth
