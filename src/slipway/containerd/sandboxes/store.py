"""The sandboxes' rows. Methods block on the database, but for `get`: call them from a thread."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, NotFound
from slipway.containerd.containers.model import TypedValue, text_from_typed_values, typed_values_from_text
from slipway.containerd.metadata.model import Scope
from slipway.containerd.sandboxes.changes import check_sandbox, sandbox_after_update
from slipway.containerd.sandboxes.model import Sandbox
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.labels import labels_from_text, text_from_labels
from slipway.database.interface import Database

_COLUMNS: Final = (
    *("namespace", "id", "runtime_name", "runtime_options_type", "runtime_options", "spec_type", "spec"),
    *("sandboxer", "extensions", "labels", "created_at", "updated_at"),
)
_INSERT: Final = f"INSERT INTO sandboxes ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_REPLACE: Final = _INSERT.replace("INSERT", "REPLACE", 1)


class SandboxStore:
    """Sandboxes by namespace and id. No event tells of a record. Rows are not synced to disk one by one: no shim
    outlives a power cut."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, scope: Scope, sandbox_id: str) -> Sandbox:
        """Raises NotFound."""
        return self._database.read(lambda connection: _get(connection, scope, sandbox_id))

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> list[Sandbox]:
        """All that one of the filters matches (no filter: all), by id. They know `id` and `labels`."""
        wanted = filters_from_texts(filters)
        query = "SELECT * FROM sandboxes WHERE namespace = ? ORDER BY id"
        found = self._database.read(
            lambda connection: [_from_row(row) for row in connection.execute(query, (scope.namespace,))]
        )
        return [sandbox for sandbox in found if wanted.matches(partial(_field, sandbox))]

    def create(self, scope: Scope, sandbox: Sandbox) -> Sandbox:
        """Raises AlreadyExists, InvalidArgument."""
        check_sandbox(sandbox)
        now = self._clock.now()
        stored = replace(sandbox, created_at=now, updated_at=now)

        def insert(connection: sqlite3.Connection) -> None:
            try:
                connection.execute(_INSERT, _row(scope, stored))
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"sandbox {sandbox.id!r}: already exists") from error

        self._database.write(insert)
        return stored

    def update(self, scope: Scope, sandbox: Sandbox, fields: Iterable[str] = ()) -> Sandbox:
        """Change fields by mask. Raises NotFound, InvalidArgument."""
        masks = tuple(fields)
        now = self._clock.now()

        def change(connection: sqlite3.Connection) -> Sandbox:
            current = _get(connection, scope, sandbox.id)
            changed = replace(sandbox_after_update(current, sandbox, masks), updated_at=now)
            check_sandbox(changed)
            connection.execute(_REPLACE, _row(scope, changed))
            return changed

        return self._database.write(change)

    def delete(self, scope: Scope, sandbox_id: str) -> None:
        """Raises NotFound."""

        def remove(connection: sqlite3.Connection) -> None:
            statement = "DELETE FROM sandboxes WHERE namespace = ? AND id = ?"
            if not connection.execute(statement, (scope.namespace, sandbox_id)).rowcount:
                raise _not_found(sandbox_id, scope)

        self._database.write(remove)


def _get(connection: sqlite3.Connection, scope: Scope, sandbox_id: str) -> Sandbox:
    query = "SELECT * FROM sandboxes WHERE namespace = ? AND id = ?"
    row = connection.execute(query, (scope.namespace, sandbox_id)).fetchone()
    if row is None:
        raise _not_found(sandbox_id, scope)
    return _from_row(row)


def _not_found(sandbox_id: str, scope: Scope) -> NotFound:
    return NotFound(f"sandbox {sandbox_id!r} in namespace {scope.namespace!r}: not found")


def _row(scope: Scope, sandbox: Sandbox) -> tuple[Any, ...]:
    """Values in the order of _COLUMNS."""
    return (
        scope.namespace,
        sandbox.id,
        sandbox.runtime_name,
        sandbox.runtime_options.type_url,
        sandbox.runtime_options.value,
        sandbox.spec.type_url,
        sandbox.spec.value,
        sandbox.sandboxer,
        text_from_typed_values(sandbox.extensions),
        text_from_labels(sandbox.labels),
        sandbox.created_at,
        sandbox.updated_at,
    )


def _from_row(row: sqlite3.Row) -> Sandbox:
    return Sandbox(
        id=row["id"],
        runtime_name=row["runtime_name"],
        runtime_options=TypedValue(row["runtime_options_type"], row["runtime_options"]),
        spec=TypedValue(row["spec_type"], row["spec"]),
        sandboxer=row["sandboxer"],
        extensions=typed_values_from_text(row["extensions"]),
        labels=labels_from_text(row["labels"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _field(sandbox: Sandbox, path: tuple[str, ...]) -> str | None:
    match path:
        case ("id",):
            return sandbox.id
        case ("labels", *key):
            return field_of_map(sandbox.labels, tuple(key))
    return None
