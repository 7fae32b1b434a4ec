"""The rows of blobs. Each function runs inside the caller's transaction."""

import sqlite3
from functools import partial

from slipway.base.errors import AlreadyExists, NotFound
from slipway.containerd.content.model import ContentInfo
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.filters import Filters, field_of_map
from slipway.contracts.containerd_api.labels import labels_from_text, text_from_labels


def get_row(connection: sqlite3.Connection, scope: Scope, digest: str) -> ContentInfo:
    """Raises NotFound."""
    query = "SELECT * FROM content WHERE namespace = ? AND digest = ?"
    row = connection.execute(query, (scope.namespace, digest)).fetchone()
    if row is None:
        raise NotFound(f"content digest {digest}: not found")
    return _from_row(row)


def has_row(connection: sqlite3.Connection, scope: Scope, digest: str) -> bool:
    query = "SELECT 1 FROM content WHERE namespace = ? AND digest = ?"
    return connection.execute(query, (scope.namespace, digest)).fetchone() is not None


def list_rows(connection: sqlite3.Connection, scope: Scope, filters: Filters) -> list[ContentInfo]:
    rows = connection.execute("SELECT * FROM content WHERE namespace = ? ORDER BY digest", (scope.namespace,))
    found = [_from_row(row) for row in rows]
    return [info for info in found if filters.matches(partial(_field, info))]


def insert_row(connection: sqlite3.Connection, scope: Scope, info: ContentInfo) -> None:
    """Raises AlreadyExists."""
    try:
        connection.execute(
            "INSERT INTO content VALUES (?, ?, ?, ?, ?, ?)",
            (scope.namespace, info.digest, info.size, text_from_labels(info.labels), info.created_at, info.updated_at),
        )
    except sqlite3.IntegrityError as error:
        raise AlreadyExists(f"content {info.digest}: already exists") from error


def update_labels(connection: sqlite3.Connection, scope: Scope, info: ContentInfo) -> None:
    connection.execute(
        "UPDATE content SET labels = ?, updated_at = ? WHERE namespace = ? AND digest = ?",
        (text_from_labels(info.labels), info.updated_at, scope.namespace, info.digest),
    )


def delete_row(connection: sqlite3.Connection, scope: Scope, digest: str) -> None:
    """Raises NotFound."""
    statement = "DELETE FROM content WHERE namespace = ? AND digest = ?"
    if not connection.execute(statement, (scope.namespace, digest)).rowcount:
        raise NotFound(f"content digest {digest}: not found")


def size_anywhere(connection: sqlite3.Connection, digest: str) -> int | None:
    """The size of a blob that any namespace has; None when no namespace has it."""
    row = connection.execute("SELECT size FROM content WHERE digest = ? LIMIT 1", (digest,)).fetchone()
    return None if row is None else int(row["size"])


def _from_row(row: sqlite3.Row) -> ContentInfo:
    return ContentInfo(
        digest=row["digest"],
        size=row["size"],
        labels=labels_from_text(row["labels"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _field(info: ContentInfo, path: tuple[str, ...]) -> str | None:
    match path:
        case ("digest",):
            return info.digest
        case ("labels", *key):
            return field_of_map(info.labels, tuple(key))
    return None
