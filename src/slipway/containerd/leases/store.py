"""The leases' rows. Methods block on the database: call them from a thread."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound, NotImplementedByEngine
from slipway.containerd.leases.model import Lease, LeaseResource
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.labels import labels_from_text, labels_to_keep, text_from_labels
from slipway.contracts.containerd_api.words import digest_fault, quoted
from slipway.database.interface import Database


class LeaseStore:
    """Leases by namespace and id; also the LeaseHolder of interface.py."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, scope: Scope, lease: Lease) -> Lease:
        """Raises AlreadyExists."""
        stored = replace(lease, labels=labels_to_keep(lease.labels), created_at=self._clock.now())

        def insert(connection: sqlite3.Connection) -> None:
            try:
                connection.execute(
                    "INSERT INTO leases VALUES (?, ?, ?, ?)",
                    (scope.namespace, stored.id, text_from_labels(stored.labels), stored.created_at),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"lease {quoted(lease.id)}: already exists") from error

        self._database.write(insert)
        return stored

    def delete(self, scope: Scope, lease_id: str) -> None:
        """Let go of everything it holds. Raises NotFound."""

        def remove(connection: sqlite3.Connection) -> None:
            statement = "DELETE FROM leases WHERE namespace = ? AND id = ?"
            if not connection.execute(statement, (scope.namespace, lease_id)).rowcount:
                raise _not_found(lease_id)

        self._database.write(remove)

    def end_labelled(self, label: str) -> None:
        """Delete the leases of all namespaces that have a label."""

        def remove(connection: sqlite3.Connection) -> None:
            for row in connection.execute("SELECT * FROM leases").fetchall():
                if label in labels_from_text(row["labels"]):
                    place = (row["namespace"], row["id"])
                    connection.execute("DELETE FROM leases WHERE namespace = ? AND id = ?", place)

        self._database.write(remove)

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> list[Lease]:
        wanted = filters_from_texts(filters)
        query = "SELECT * FROM leases WHERE namespace = ? ORDER BY id"
        found = self._database.read(
            lambda connection: [_from_row(row) for row in connection.execute(query, (scope.namespace,))]
        )
        return [lease for lease in found if wanted.matches(partial(_field, lease))]

    def add_resource(self, scope: Scope, lease_id: str, resource: LeaseResource) -> None:
        """Raises NotFound (lease), InvalidArgument, NotImplementedByEngine (kind)."""
        held = Scope(scope.namespace, lease_id)

        def add(connection: sqlite3.Connection) -> None:
            _check_exists(connection, scope.namespace, lease_id)
            check_resource(resource)
            if not resource.id:
                raise InvalidArgument("resource id must not be empty")
            self.hold(connection, held, resource.kind, resource.id)

        self._database.write(add)

    def delete_resource(self, scope: Scope, lease_id: str, resource: LeaseResource) -> None:
        """What the lease does not hold is no error. Raises as `add_resource` does."""

        def remove(connection: sqlite3.Connection) -> None:
            _check_exists(connection, scope.namespace, lease_id)
            check_resource(resource)
            connection.execute(
                "DELETE FROM lease_resources WHERE namespace = ? AND lease = ? AND kind = ? AND id = ?",
                (scope.namespace, lease_id, resource.kind, resource.id),
            )

        self._database.write(remove)

    def resources(self, scope: Scope, lease_id: str) -> Sequence[LeaseResource]:
        """Raises NotFound."""

        def query(connection: sqlite3.Connection) -> Sequence[LeaseResource]:
            _check_exists(connection, scope.namespace, lease_id)
            rows = connection.execute(
                "SELECT kind, id FROM lease_resources WHERE namespace = ? AND lease = ? ORDER BY kind, id",
                (scope.namespace, lease_id),
            )
            return [LeaseResource(row["kind"], row["id"]) for row in rows]

        return self._database.read(query)

    def hold(self, connection: sqlite3.Connection, scope: Scope, kind: str, identifier: str) -> None:
        if not scope.lease:
            return
        try:
            connection.execute(
                "INSERT OR IGNORE INTO lease_resources VALUES (?, ?, ?, ?)",
                (scope.namespace, scope.lease, kind, identifier),
            )
        except sqlite3.IntegrityError as error:  # the foreign key: no such lease
            raise NotFound("lease does not exist: not found") from error

    def release(self, connection: sqlite3.Connection, scope: Scope, kind: str, identifier: str) -> None:
        connection.execute(
            "DELETE FROM lease_resources WHERE namespace = ? AND lease = ? AND kind = ? AND id = ?",
            (scope.namespace, scope.lease, kind, identifier),
        )


def check_resource(resource: LeaseResource) -> None:
    """Raises NotImplementedByEngine for a kind that nothing here has, InvalidArgument for what is malformed."""
    kind, *names = resource.kind.split("/")
    if kind not in ("content", "ingests", "images", "snapshots"):
        raise NotImplementedByEngine(f"resource type {resource.kind} not supported yet: not implemented")
    if len(names) != (kind == "snapshots"):
        what = "snapshot resource type" if kind == "snapshots" else "resource type"
        raise InvalidArgument(f"invalid {what} {resource.kind}: invalid argument")
    if kind == "content" and (fault := digest_fault(resource.id)):
        raise InvalidArgument(f"invalid content resource id {resource.id}: {fault}: invalid argument")


def _check_exists(connection: sqlite3.Connection, namespace: str, lease_id: str) -> None:
    query = "SELECT 1 FROM leases WHERE namespace = ? AND id = ?"
    if connection.execute(query, (namespace, lease_id)).fetchone() is None:
        raise _not_found(lease_id)


def _not_found(lease_id: str) -> NotFound:
    return NotFound(f"lease {quoted(lease_id)}: not found")


def _from_row(row: sqlite3.Row) -> Lease:
    return Lease(id=row["id"], created_at=row["created_at"], labels=labels_from_text(row["labels"]))


def _field(lease: Lease, path: tuple[str, ...]) -> str | None:
    match path:
        case ("id",):
            return lease.id
        case ("labels", *key):
            return field_of_map(lease.labels, tuple(key))
    return None
