"""The snapshots' rows. Every function runs on a connection that its caller has: in a read, or inside a write."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from slipway.containerd.snapshots.model import SnapshotInfo, SnapshotKind
from slipway.contracts.containerd_api.labels import labels_from_text, text_from_labels
from slipway.contracts.containerd_api.words import quoted

# `id` names the directory. `size` is -1 until somebody asks for a committed snapshot's: it cannot change afterwards.
# `state` says what the disk has of the directory: see State.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    snapshotter TEXT NOT NULL,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    parent INTEGER REFERENCES snapshots (id),
    kind TEXT NOT NULL,
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    size INTEGER NOT NULL DEFAULT -1,
    inodes INTEGER NOT NULL DEFAULT -1,
    state INTEGER NOT NULL DEFAULT 0,
    UNIQUE (snapshotter, namespace, key)
)
"""
# A folder of an earlier version has the table without it.
ADD_STATE: Final = "ALTER TABLE snapshots ADD COLUMN state INTEGER NOT NULL DEFAULT 0"
INDEX: Final = "CREATE INDEX IF NOT EXISTS snapshots_by_parent ON snapshots (parent)"
# A namespace exists from the first object in it, as in the original; only those that exist are collected.
NAMESPACE: Final = """
CREATE TRIGGER IF NOT EXISTS snapshots_namespace AFTER INSERT ON snapshots
    BEGIN INSERT OR IGNORE INTO namespaces (name) VALUES (NEW.namespace); END
"""
_SELECT: Final = (
    "SELECT s.*, p.key AS parent_key FROM snapshots s LEFT JOIN snapshots p ON p.id = s.parent WHERE s.snapshotter = ?"
)
_BY_ID: Final = (
    "SELECT s.*, p.key AS parent_key FROM snapshots s LEFT JOIN snapshots p ON p.id = s.parent WHERE s.id = ?"
)
_CHAIN: Final = """
WITH RECURSIVE chain (id, parent, depth) AS (
    SELECT id, parent, 0 FROM snapshots WHERE id = ?
    UNION ALL SELECT s.id, s.parent, depth + 1 FROM snapshots s JOIN chain c ON s.id = c.parent
) SELECT id FROM chain ORDER BY depth
"""


class State(IntEnum):
    """What the disk has of a snapshot's directory, as far as its row knows."""

    WRITTEN = 0  # the kernel has it; a power cut may take a part of it
    ON_DISK = 1
    TORN = 2  # it was only written when the machine stopped: to be made again before anybody sees it


@dataclass(frozen=True, slots=True)
class Place:
    """Whose snapshot: the snapshotter's name and the namespace."""

    snapshotter: str
    namespace: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotRow:
    """A snapshot with what only its snapshotter knows. `size` and `inodes` are -1 where not counted yet."""

    id: int
    place: Place
    info: SnapshotInfo
    size: int
    inodes: int
    state: State


def get(connection: sqlite3.Connection, place: Place, key: str, what: str = "snapshot") -> SnapshotRow:
    """Raises NotFound."""
    query = f"{_SELECT} AND s.namespace = ? AND s.key = ?"
    row = connection.execute(query, (place.snapshotter, place.namespace, key)).fetchone()
    if row is None:
        raise NotFound(f"{what} {key} does not exist: not found")
    return _from_row(row)


def exists(connection: sqlite3.Connection, place: Place, key: str) -> bool:
    query = "SELECT 1 FROM snapshots WHERE snapshotter = ? AND namespace = ? AND key = ?"
    return connection.execute(query, (place.snapshotter, place.namespace, key)).fetchone() is not None


def all_of(connection: sqlite3.Connection, place: Place) -> list[SnapshotRow]:
    query = f"{_SELECT} AND s.namespace = ? ORDER BY s.key"
    return [_from_row(row) for row in connection.execute(query, (place.snapshotter, place.namespace))]


def ids(connection: sqlite3.Connection, snapshotter: str) -> set[str]:
    """The directories that are in use, of all namespaces."""
    query = "SELECT id FROM snapshots WHERE snapshotter = ?"
    return {str(row["id"]) for row in connection.execute(query, (snapshotter,))}


def chain(connection: sqlite3.Connection, snapshot: int) -> tuple[int, ...]:
    """A snapshot's id and those of its parents, nearest first."""
    return tuple(row["id"] for row in connection.execute(_CHAIN, (snapshot,)))


def parent_of(connection: sqlite3.Connection, place: Place, parent: str) -> int | None:
    """The id of a committed parent; None for no parent. Raises NotFound, InvalidArgument."""
    if not parent:
        return None
    row = get(connection, place, parent, "parent snapshot")
    if row.info.kind is not SnapshotKind.COMMITTED:
        raise InvalidArgument(
            f"failed to create snapshot: parent {quoted(parent)} is not committed snapshot: invalid argument"
        )
    return row.id


def insert(connection: sqlite3.Connection, place: Place, info: SnapshotInfo) -> int:
    """Returns the new id. Raises AlreadyExists, NotFound, InvalidArgument."""
    parent = parent_of(connection, place, info.parent)
    columns = "snapshotter, namespace, key, parent, kind, labels, created_at, updated_at"
    values = (
        place.snapshotter,
        place.namespace,
        info.name,
        parent,
        info.kind.value,
        text_from_labels(info.labels),
        info.created_at,
        info.updated_at,
    )
    try:
        cursor = connection.execute(f"INSERT INTO snapshots ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    except sqlite3.IntegrityError as error:
        raise AlreadyExists(f"snapshot {quoted(info.name)}: already exists") from error
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def commit(
    connection: sqlite3.Connection, place: Place, key: str, name: str, labels: Mapping[str, str], now: int
) -> None:
    """Turn the active `key` into the committed `name`. Raises NotFound, FailedPrecondition, AlreadyExists."""
    if exists(connection, place, name):
        raise AlreadyExists(f"snapshot {quoted(name)}: already exists")
    row = get(connection, place, key)
    if row.info.kind is not SnapshotKind.ACTIVE:
        raise FailedPrecondition(
            f"failed to commit snapshot {key}: snapshot {quoted(key)} is not active: failed precondition"
        )
    statement = (
        "UPDATE snapshots SET key = ?, kind = ?, labels = ?, created_at = ?, updated_at = ?, state = ? WHERE id = ?"
    )
    values = (name, SnapshotKind.COMMITTED.value, text_from_labels(labels), now, now, State.WRITTEN, row.id)
    connection.execute(statement, values)


def make_table(connection: sqlite3.Connection) -> None:
    """Also where it is there already, as an earlier version made it."""
    connection.execute(SCHEMA)
    connection.execute(INDEX)
    connection.execute(NAMESPACE)
    columns = {row["name"] for row in connection.execute("PRAGMA table_info (snapshots)")}
    if "state" not in columns:
        connection.execute(ADD_STATE)


def delete(connection: sqlite3.Connection, place: Place, key: str) -> None:
    """Raises NotFound, and FailedPrecondition while there are children."""
    row = get(connection, place, key)
    child = connection.execute("SELECT key FROM snapshots WHERE parent = ? LIMIT 1", (row.id,)).fetchone()
    if child is not None:
        raise FailedPrecondition("cannot remove snapshot with child: failed precondition")
    connection.execute("DELETE FROM snapshots WHERE id = ?", (row.id,))


def set_parent(connection: sqlite3.Connection, place: Place, key: str, parent: str) -> SnapshotRow:
    """Put the active `key`, which has no parent, on the committed `parent`; the row as it is then.

    Raises NotFound, FailedPrecondition.
    """
    row = get(connection, place, key)
    if row.info.kind is not SnapshotKind.ACTIVE or row.info.parent:
        raise FailedPrecondition(f"snapshot {key} is not active, or has a parent")
    connection.execute("UPDATE snapshots SET parent = ? WHERE id = ?", (parent_of(connection, place, parent), row.id))
    return get(connection, place, key)


def of_id(connection: sqlite3.Connection, snapshot: int) -> SnapshotRow:
    """Raises NotFound."""
    row = connection.execute(_BY_ID, (snapshot,)).fetchone()
    if row is None:
        raise NotFound(f"snapshot with the directory {snapshot}: not found")
    return _from_row(row)


def torn(connection: sqlite3.Connection, snapshotter: str) -> list[SnapshotRow]:
    """Of all namespaces."""
    return [_from_row(row) for row in connection.execute(f"{_SELECT} AND s.state = ?", (snapshotter, State.TORN))]


def torn_in(connection: sqlite3.Connection, chain: tuple[int, ...]) -> list[SnapshotRow]:
    """Those of a chain, the lowest first."""
    rows = [of_id(connection, snapshot) for snapshot in reversed(chain)]
    return [row for row in rows if row.state is State.TORN]


def distrust_written(connection: sqlite3.Connection, snapshotter: str) -> None:
    """Everything that the disk may not have is torn from now on; what was counted of it counts no more."""
    statement = "UPDATE snapshots SET state = ?, size = -1, inodes = -1 WHERE snapshotter = ? AND state = ?"
    connection.execute(statement, (State.TORN, snapshotter, State.WRITTEN))


def written(connection: sqlite3.Connection, snapshotter: str) -> list[tuple[int, str]]:
    """Id and kind of what the disk may not have."""
    query = "SELECT id, kind FROM snapshots WHERE snapshotter = ? AND state = ?"
    return [(row["id"], row["kind"]) for row in connection.execute(query, (snapshotter, State.WRITTEN))]


def set_on_disk(connection: sqlite3.Connection, synchronised: list[tuple[int, str]]) -> None:
    """What `written` told before the disk was waited for; one that was committed since has changed since."""
    statement = "UPDATE snapshots SET state = ? WHERE id = ? AND kind = ? AND state = ?"
    connection.executemany(statement, [(State.ON_DISK, *each, State.WRITTEN) for each in synchronised])


def set_written(connection: sqlite3.Connection, snapshot: int) -> bool:
    """A torn one has been made again; False where it is gone, or is not torn any more."""
    statement = "UPDATE snapshots SET state = ? WHERE id = ? AND state = ?"
    return connection.execute(statement, (State.WRITTEN, snapshot, State.TORN)).rowcount == 1


def delete_childless(connection: sqlite3.Connection, doomed: set[int]) -> list[int]:
    """Delete those of `doomed` that nothing else is upon, whatever else of them is; returns which."""
    gone: list[int] = []
    while True:
        query = "SELECT id FROM snapshots s WHERE NOT EXISTS (SELECT 1 FROM snapshots c WHERE c.parent = s.id)"
        childless = [row["id"] for row in connection.execute(query) if row["id"] in doomed]
        if not childless:
            return gone
        connection.executemany("DELETE FROM snapshots WHERE id = ?", [(snapshot,) for snapshot in childless])
        gone += childless


def set_labels(connection: sqlite3.Connection, snapshot: int, labels: Mapping[str, str], now: int) -> None:
    statement = "UPDATE snapshots SET labels = ?, updated_at = ? WHERE id = ?"
    connection.execute(statement, (text_from_labels(labels), now, snapshot))


def set_usage(connection: sqlite3.Connection, snapshot: int, size: int, inodes: int) -> None:
    connection.execute("UPDATE snapshots SET size = ?, inodes = ? WHERE id = ?", (size, inodes, snapshot))


def _from_row(row: sqlite3.Row) -> SnapshotRow:
    info = SnapshotInfo(
        name=row["key"],
        parent=row["parent_key"] or "",
        kind=SnapshotKind(row["kind"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        labels=labels_from_text(row["labels"]),
    )
    return SnapshotRow(
        id=row["id"],
        place=Place(row["snapshotter"], row["namespace"]),
        info=info,
        size=row["size"],
        inodes=row["inodes"],
        state=State(row["state"]),
    )
