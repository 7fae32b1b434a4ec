"""Which name a snapshot has at its backend, and which names there are ours without a snapshot.

Every function runs on a connection that its caller has. The snapshots themselves are rows as everybody's (rows.py).
"""

import sqlite3
from typing import Final

from slipway.containerd.snapshots import rows
from slipway.containerd.snapshots.rows import Place

KEYS: Final = """
CREATE TABLE IF NOT EXISTS backend_keys (
    snapshot INTEGER PRIMARY KEY REFERENCES snapshots (id) ON DELETE CASCADE,
    key TEXT NOT NULL
)
"""
# A name is written here before the backend is asked to make it, and after its snapshot was removed.
LEFTOVERS: Final = """
CREATE TABLE IF NOT EXISTS backend_leftovers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    snapshotter TEXT NOT NULL,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    UNIQUE (snapshotter, namespace, key)
)
"""
_IN_USE: Final = """
SELECT 1 FROM backend_keys b JOIN snapshots s ON s.id = b.snapshot WHERE s.snapshotter = ? AND b.key = ? LIMIT 1
"""


def reserve(connection: sqlite3.Connection, place: Place, key: str) -> str:
    """A new name for the backend, NAMESPACE/NUMBER/KEY as the original's; a leftover until a snapshot has it."""
    statement = "INSERT INTO backend_leftovers (snapshotter, namespace, key) VALUES (?, ?, '')"
    number = connection.execute(statement, (place.snapshotter, place.namespace)).lastrowid
    name = f"{place.namespace}/{number}/{key}"
    connection.execute("UPDATE backend_leftovers SET key = ? WHERE id = ?", (name, number))
    return name


def key_of(connection: sqlite3.Connection, snapshot: int) -> str:
    row = connection.execute("SELECT key FROM backend_keys WHERE snapshot = ?", (snapshot,)).fetchone()
    return str(row["key"])


def parent_key(connection: sqlite3.Connection, place: Place, parent: str) -> str:
    """The backend's name of a committed parent; empty for no parent. Raises NotFound, FailedPrecondition."""
    found = rows.parent_of(connection, place, parent)
    return "" if found is None else key_of(connection, found)


def set_key(connection: sqlite3.Connection, place: Place, snapshot: int, name: str) -> None:
    """The snapshot has this name at the backend now, which is no leftover any more."""
    connection.execute("INSERT OR REPLACE INTO backend_keys VALUES (?, ?)", (snapshot, name))
    forget(connection, place, name)


def forget(connection: sqlite3.Connection, place: Place, name: str) -> None:
    """The name is no leftover: a snapshot has it, or the backend has it no more."""
    connection.execute(
        "DELETE FROM backend_leftovers WHERE snapshotter = ? AND namespace = ? AND key = ?",
        (place.snapshotter, place.namespace, name),
    )


def leave(connection: sqlite3.Connection, place: Place, name: str) -> None:
    """The snapshot of this name is gone here; the backend's is to go."""
    connection.execute(
        "INSERT OR IGNORE INTO backend_leftovers (snapshotter, namespace, key) VALUES (?, ?, ?)",
        (place.snapshotter, place.namespace, name),
    )


def leftovers(connection: sqlite3.Connection, snapshotter: str) -> list[tuple[Place, str]]:
    """All of them, the oldest first: a child is removed before its parent."""
    query = "SELECT namespace, key FROM backend_leftovers WHERE snapshotter = ? ORDER BY id"
    return [(Place(snapshotter, row["namespace"]), row["key"]) for row in connection.execute(query, (snapshotter,))]


def is_in_use(connection: sqlite3.Connection, snapshotter: str, name: str) -> bool:
    """Whether a snapshot of any namespace has the name: one that the backend chose may be two namespaces'."""
    return connection.execute(_IN_USE, (snapshotter, name)).fetchone() is not None
