"""The containers' rows. Methods block on the database, but for `get`: call them from a thread."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, NotFound
from slipway.containerd.containers.changes import check_container, container_after_update
from slipway.containerd.containers.model import Container
from slipway.containerd.containers.rows import COLUMNS, container_from_row, row_from_container
from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.generated import event_types_pb2 as events
from slipway.contracts.containerd_api.labels import labels_to_keep
from slipway.contracts.containerd_api.words import quoted
from slipway.database.interface import Database

_INSERT: Final = f"INSERT INTO containers ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_REPLACE: Final = _INSERT.replace("INSERT", "REPLACE", 1)


class ContainerStore:
    """Containers by namespace and id. Rows are not synced to disk one by one: no process of theirs outlives a power
    cut."""

    def __init__(self, database: Database, events: EventPublisher, clock: Clock) -> None:
        self._database = database
        self._events = events
        self._clock = clock

    def get(self, scope: Scope, container_id: str) -> Container:
        """Raises NotFound."""
        return self._database.read(lambda connection: _get(connection, scope, container_id))

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> list[Container]:
        """All containers that one of the filters matches (no filter: all), by id."""
        wanted = filters_from_texts(filters)
        query = "SELECT * FROM containers WHERE namespace = ? ORDER BY id"
        found = self._database.read(
            lambda connection: [container_from_row(row) for row in connection.execute(query, (scope.namespace,))]
        )
        return [container for container in found if wanted.matches(partial(_field, container))]

    def labelled(self, key: str) -> Sequence[tuple[Scope, Container]]:
        """All containers with a label of that name, of all namespaces. Those without cost no more than a look at it."""
        query = "SELECT * FROM containers WHERE instr(labels, ?) ORDER BY namespace, id"
        rows = self._database.read(lambda connection: connection.execute(query, (json.dumps(key),)).fetchall())
        found = ((Scope(row["namespace"]), container_from_row(row)) for row in rows)
        return [(scope, container) for scope, container in found if key in container.labels]

    def create(self, scope: Scope, container: Container) -> Container:
        """Raises AlreadyExists, InvalidArgument."""
        check_container(container, "create container")
        now = self._clock.now()
        stored = replace(container, labels=labels_to_keep(container.labels), created_at=now, updated_at=now)

        def insert(connection: sqlite3.Connection) -> None:
            try:
                connection.execute(_INSERT, row_from_container(scope.namespace, stored))
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"container {quoted(container.id)}: already exists") from error

        self._database.write(insert)
        event = events.ContainerCreate(id=stored.id, image=stored.image)
        event.runtime.name = stored.runtime_name
        event.runtime.options.type_url = stored.runtime_options.type_url
        event.runtime.options.value = stored.runtime_options.value
        self._events.publish(scope.namespace, "/containers/create", event)
        return stored

    def update(self, scope: Scope, container: Container, fields: Iterable[str] = ()) -> Container:
        """Change fields by mask. Raises NotFound, InvalidArgument."""
        masks = tuple(fields)
        now = self._clock.now()

        def change(connection: sqlite3.Connection) -> Container:
            current = _find(connection, scope, container.id)
            if current is None:
                raise NotFound(f"container {quoted(container.id)}: not found")
            changed = replace(container_after_update(current, container, masks), updated_at=now)
            check_container(changed, "update")
            connection.execute(_REPLACE, row_from_container(scope.namespace, changed))
            return changed

        updated = self._database.write(change)
        event = events.ContainerUpdate(
            id=updated.id, image=updated.image, labels=updated.labels, snapshot_key=updated.snapshot_key
        )
        self._events.publish(scope.namespace, "/containers/update", event)
        return updated

    def delete(self, scope: Scope, container_id: str) -> None:
        """Raises NotFound."""

        def remove(connection: sqlite3.Connection) -> None:
            statement = "DELETE FROM containers WHERE namespace = ? AND id = ?"
            if not connection.execute(statement, (scope.namespace, container_id)).rowcount:
                raise NotFound(f"container {container_id}: not found")

        self._database.write(remove)
        self._events.publish(scope.namespace, "/containers/delete", events.ContainerDelete(id=container_id))


def _get(connection: sqlite3.Connection, scope: Scope, container_id: str) -> Container:
    found = _find(connection, scope, container_id)
    if found is None:
        raise NotFound(f"container {quoted(container_id)} in namespace {quoted(scope.namespace)}: not found")
    return found


def _find(connection: sqlite3.Connection, scope: Scope, container_id: str) -> Container | None:
    query = "SELECT * FROM containers WHERE namespace = ? AND id = ?"
    row = connection.execute(query, (scope.namespace, container_id)).fetchone()
    return None if row is None else container_from_row(row)


def _field(container: Container, path: tuple[str, ...]) -> str | None:
    match path:
        case ("id",):
            return container.id
        case ("image",):
            return container.image or None
        case ("runtime", "name"):
            return container.runtime_name
        case ("labels", *key):
            return field_of_map(container.labels, tuple(key))
    return None
