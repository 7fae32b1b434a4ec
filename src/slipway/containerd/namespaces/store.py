"""The namespaces' rows. Methods block on the database, but for `get`: call them from a thread."""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.namespaces.model import Namespace
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.generated import event_types_pb2 as events
from slipway.contracts.containerd_api.labels import (
    check_labels,
    labels_after_update,
    labels_from_text,
    labels_to_keep,
    text_from_labels,
)
from slipway.contracts.containerd_api.words import quoted
from slipway.database.interface import Database

# Table, and what the original calls its rows. Leases and unfinished writes keep no namespace: they go with it.
_CONTENTS: Final = (("images", "images"), ("content", "blobs"), ("containers", "containers"))


class NamespaceStore:
    def __init__(self, database: Database, events: EventPublisher) -> None:
        self._database = database
        self._events = events

    def get(self, name: str) -> Namespace:
        """A namespace without labels for one that is not there: it will be with its first object, as in the
        original."""

        def query(connection: sqlite3.Connection) -> Namespace:
            return _find(connection, name) or Namespace(name=name)

        return self._database.read(query)

    def list(self, filters: Sequence[str] = ()) -> list[Namespace]:
        wanted = filters_from_texts(filters)
        query = "SELECT name, labels FROM namespaces ORDER BY name"
        found = self._database.read(lambda connection: [_from_row(row) for row in connection.execute(query)])
        return [namespace for namespace in found if wanted.matches(partial(_field, namespace))]

    def create(self, namespace: Namespace) -> Namespace:
        """Raises AlreadyExists, InvalidArgument (labels). The name was checked by its pattern before."""
        check_labels(namespace.labels, "namespace.Labels")

        def insert(connection: sqlite3.Connection) -> None:
            try:
                connection.execute(
                    "INSERT INTO namespaces (name, labels) VALUES (?, ?)",
                    (namespace.name, text_from_labels(labels_to_keep(namespace.labels))),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"namespace {quoted(namespace.name)}: already exists") from error

        self._database.write(insert)
        created = events.NamespaceCreate(name=namespace.name, labels=namespace.labels)
        self._events.publish(namespace.name, "/namespaces/create", created)
        return namespace

    def update(self, namespace: Namespace, fields: Iterable[str] = ()) -> Namespace:
        """Change labels: those that the mask names (`labels.KEY`), without a mask all. Makes the namespace where it is
        missing. Raises InvalidArgument."""
        check_labels(namespace.labels, "namespace.Labels")
        masks = tuple(fields)
        for mask in masks:
            if not mask.startswith("labels."):
                raise InvalidArgument(f"cannot update {quoted(mask)} field")

        def change(connection: sqlite3.Connection) -> Namespace:
            current = _find(connection, namespace.name) or Namespace(name=namespace.name)
            labels = labels_after_update(current.labels, namespace.labels, masks)
            statement = "REPLACE INTO namespaces (name, labels) VALUES (?, ?)"
            connection.execute(statement, (namespace.name, text_from_labels(labels)))
            return Namespace(name=namespace.name, labels=labels)

        updated = self._database.write(change)
        # As the original: what was asked for, not what has become of it.
        event = events.NamespaceUpdate(name=updated.name, labels=namespace.labels)
        self._events.publish(updated.name, "/namespaces/update", event)
        return updated

    def delete(self, name: str) -> None:
        """Raises NotFound, and FailedPrecondition while anything is in it."""

        def remove(connection: sqlite3.Connection) -> None:
            if _find(connection, name) is None:
                raise NotFound(f"namespace {quoted(name)}: not found")
            if left := _contents(connection, name):
                still = f"must be empty, but it still has {', '.join(left)}"
                raise FailedPrecondition(f"namespace {quoted(name)} {still}: failed precondition")
            connection.execute("DELETE FROM leases WHERE namespace = ?", (name,))
            connection.execute("DELETE FROM namespaces WHERE name = ?", (name,))

        self._database.write(remove)
        self._events.publish(name, "/namespaces/delete", events.NamespaceDelete(name=name))


def _contents(connection: sqlite3.Connection, name: str) -> list[str]:
    found = [
        words
        for table, words in _CONTENTS
        if connection.execute(f"SELECT 1 FROM {table} WHERE namespace = ? LIMIT 1", (name,)).fetchone()
    ]
    query = "SELECT DISTINCT snapshotter FROM snapshots WHERE namespace = ? ORDER BY snapshotter"
    rows = connection.execute(query, (name,)).fetchall()
    return found + [f"snapshots on {quoted(row['snapshotter'])} snapshotter" for row in rows]


def _find(connection: sqlite3.Connection, name: str) -> Namespace | None:
    row = connection.execute("SELECT name, labels FROM namespaces WHERE name = ?", (name,)).fetchone()
    return None if row is None else _from_row(row)


def _from_row(row: sqlite3.Row) -> Namespace:
    return Namespace(name=row["name"], labels=labels_from_text(row["labels"]))


def _field(namespace: Namespace, path: tuple[str, ...]) -> str | None:
    if path == ("name",):
        return namespace.name
    return field_of_map(namespace.labels, path[1:]) if path[0] == "labels" else None
