"""Makes snapshots again that were only written when the machine stopped: from content, at their first use."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence

from slipway.base.errors import EngineError, FailedPrecondition, NotFound, Unavailable
from slipway.containerd.snapshots import rows
from slipway.containerd.snapshots.folders import Folders
from slipway.containerd.snapshots.interface import Layers
from slipway.containerd.snapshots.layout import Layout, SnapshotFolder
from slipway.containerd.snapshots.model import SnapshotKind
from slipway.database.interface import Database

log = logging.getLogger(__name__)


class Restorer:
    """The torn snapshots of one snapshotter. Blocks on files and the database; safe from several threads."""

    def __init__(
        self, name: str, layout: Layout, folders: Folders, database: Database, layers: Layers,
        wants_disk: Callable[[], None],
    ) -> None:  # fmt: skip
        self._name = name
        self._layout = layout
        self._folders = folders
        self._database = database
        self._layers = layers
        self._wants_disk = wants_disk
        self._one_at_a_time = threading.Lock()
        self._torn = {row.id for row in self._all_torn()}  # so that whoever has none of them asks for nothing

    def distrust(self) -> None:
        """The machine stopped since: what the disk may not have is torn from now on.

        Committed snapshots that no content makes again are forgotten, unless another is upon them.
        """
        self._database.write(lambda connection: rows.distrust_written(connection, self._name), durable=True)
        doomed = {row.id for row in self._all_torn() if row.info.kind is SnapshotKind.COMMITTED and not self._has(row)}
        if doomed:
            gone = self._database.write(lambda connection: rows.delete_childless(connection, doomed), durable=True)
            log.warning("snapshots went with the power", extra={"fields": {"lost": len(gone)}})
        self._torn = {row.id for row in self._all_torn()}

    def restore(self, chain: Sequence[int]) -> None:
        """Have every snapshot of a chain whole, the lowest first.

        Raises FailedPrecondition for one that no content makes again, and what unpacking raises.
        """
        if self._torn.isdisjoint(chain):
            return
        with self._one_at_a_time:
            for row in self._database.read(lambda connection: rows.torn_in(connection, tuple(chain))):
                self._restore(row)

    def is_torn(self, snapshot: int) -> bool:
        return snapshot in self._torn

    def _restore(self, row: rows.SnapshotRow) -> None:
        parents = self._database.read(lambda connection: rows.chain(connection, row.id))[1:]
        folder = SnapshotFolder(self._folders.of(row.id), row.info.kind, tuple(map(self._folders.of, parents)))
        try:
            if row.info.kind is not SnapshotKind.COMMITTED and self._layout.mend(folder):
                self._database.write(lambda connection: rows.set_written(connection, row.id))
            else:
                self._make_again(row, folder)
        except OSError as error:
            raise Unavailable(f"make snapshot {row.info.name} again: {error}") from error
        self._torn.discard(row.id)
        self._wants_disk()

    def _make_again(self, row: rows.SnapshotRow, folder: SnapshotFolder) -> None:
        log.warning("a snapshot is made again: the machine stopped before the disk had it", extra=_fields(row))
        with self._folders.new() as made:
            if row.info.kind is SnapshotKind.COMMITTED:
                self._fill(row, SnapshotFolder(made, SnapshotKind.ACTIVE, folder.parents))
            else:
                self._layout.fill(SnapshotFolder(made, row.info.kind, folder.parents))

            def replace(connection: sqlite3.Connection) -> None:
                if rows.set_written(connection, row.id):
                    self._folders.replace(made, row.id)

            self._database.write(replace)
        self._folders.remove_set_aside()

    def _fill(self, row: rows.SnapshotRow, folder: SnapshotFolder) -> None:
        name, parent = row.info.name, row.info.parent
        self._layout.fill(folder)
        try:
            self._layers.fill(row.place.namespace, name, parent, self._layout.mounts(folder))
        except NotFound as error:
            raise FailedPrecondition(
                f"snapshot {name}: the machine stopped before the disk had it, and no content makes it again"
            ) from error

    def _has(self, row: rows.SnapshotRow) -> bool:
        try:
            return self._layers.has(row.place.namespace, row.info.name, row.info.parent)
        except EngineError as error:
            log.warning("look for a layer failed", extra=_fields(row, error))
            return False

    def _all_torn(self) -> list[rows.SnapshotRow]:
        return self._database.read(lambda connection: rows.torn(connection, self._name))


def _fields(row: rows.SnapshotRow, error: EngineError | None = None) -> dict[str, dict[str, object]]:
    found = {"namespace": row.place.namespace, "key": row.info.name, "error": error}
    return {"fields": {name: value for name, value in found.items() if value is not None}}
