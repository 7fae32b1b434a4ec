"""The images' rows. See interface.ImageStore."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.images.model import Image
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.generated import images_pb2 as events
from slipway.contracts.containerd_api.labels import (
    check_labels,
    labels_after_update,
    labels_from_text,
    text_from_labels,
)
from slipway.contracts.containerd_api.types import Descriptor
from slipway.database.interface import Database


class SqlImageStore:
    """Images by namespace and name. Rows are synced: an image that was pulled is there after a power cut."""

    def __init__(self, database: Database, events: EventPublisher, clock: Clock) -> None:
        self._database = database
        self._events = events
        self._clock = clock

    def get(self, scope: Scope, name: str) -> Image:
        return self._database.read(lambda connection: _get(connection, scope, name))

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> list[Image]:
        wanted = filters_from_texts(filters)
        query = "SELECT * FROM images WHERE namespace = ? ORDER BY name"
        found = self._database.read(
            lambda connection: [_from_row(row) for row in connection.execute(query, (scope.namespace,))]
        )
        return [image for image in found if wanted.matches(partial(_field, image))]

    def create(self, scope: Scope, image: Image) -> Image:
        _check(image)
        now = self._clock.now()
        stored = replace(image, created_at=now, updated_at=now)

        def insert(connection: sqlite3.Connection) -> None:
            try:
                connection.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(scope, stored))
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"image {image.name!r}: already exists") from error

        self._database.write(insert, durable=True)
        event = events.ImageCreate(name=stored.name, labels=stored.labels)
        self._events.publish(scope.namespace, "/images/create", event)
        return stored

    def update(self, scope: Scope, image: Image, fields: Iterable[str] = ()) -> Image:
        masks = tuple(fields)
        now = self._clock.now()

        def change(connection: sqlite3.Connection) -> Image:
            current = _get(connection, scope, image.name)
            changed = replace(_after_update(current, image, masks), updated_at=now)
            _check(changed)
            connection.execute("REPLACE INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(scope, changed))
            return changed

        updated = self._database.write(change, durable=True)
        event = events.ImageUpdate(name=updated.name, labels=updated.labels)
        self._events.publish(scope.namespace, "/images/update", event)
        return updated

    def delete(self, scope: Scope, name: str) -> None:
        def remove(connection: sqlite3.Connection) -> None:
            statement = "DELETE FROM images WHERE namespace = ? AND name = ?"
            if not connection.execute(statement, (scope.namespace, name)).rowcount:
                raise NotFound(f"image {name!r}: not found")

        self._database.write(remove, durable=True)
        self._events.publish(scope.namespace, "/images/delete", events.ImageDelete(name=name))


def _check(image: Image) -> None:
    if not image.name:
        raise InvalidArgument("image name must not be empty")
    check_labels(image.labels)
    target = image.target
    if not target.digest or not target.media_type or target.size <= 0:
        raise InvalidArgument(f"image {image.name!r}: the target needs a digest, a media type and a size")


def _after_update(current: Image, given: Image, masks: tuple[str, ...]) -> Image:
    if not masks:
        return replace(given, created_at=current.created_at)
    changed = replace(current, labels=labels_after_update(current.labels, given.labels, [*masks, "labels."]))
    for mask in masks:
        if mask == "target":
            changed = replace(changed, target=given.target)
        elif mask == "annotations":
            changed = replace(changed, target=replace(changed.target, annotations=given.target.annotations))
        elif mask != "labels" and not mask.startswith("labels."):
            raise InvalidArgument(f"image {current.name!r}: the field {mask!r} cannot be updated")
    return changed


def _row(scope: Scope, image: Image) -> tuple[Any, ...]:
    target = image.target
    return (
        scope.namespace,
        image.name,
        target.media_type,
        target.digest,
        target.size,
        text_from_labels(target.annotations),
        text_from_labels(image.labels),
        image.created_at,
        image.updated_at,
    )


def _from_row(row: sqlite3.Row) -> Image:
    target = Descriptor(
        media_type=row["media_type"],
        digest=row["digest"],
        size=row["size"],
        annotations=labels_from_text(row["annotations"]),
    )
    return Image(
        name=row["name"],
        target=target,
        labels=labels_from_text(row["labels"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _get(connection: sqlite3.Connection, scope: Scope, name: str) -> Image:
    query = "SELECT * FROM images WHERE namespace = ? AND name = ?"
    row = connection.execute(query, (scope.namespace, name)).fetchone()
    if row is None:
        raise NotFound(f"image {name!r}: not found")
    return _from_row(row)


def _field(image: Image, path: tuple[str, ...]) -> str | None:
    match path:
        case ("name",):
            return image.name
        case ("target", "digest"):
            return image.target.digest
        case ("target", "mediatype"):
            return image.target.media_type
        case ("labels", *key):
            return field_of_map(image.labels, tuple(key))
        case ("annotations", *key):
            return field_of_map(image.target.annotations, tuple(key))
    return None
