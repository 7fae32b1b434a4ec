"""The images' rows. See interface.ImageStore."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.images.model import Image
from slipway.containerd.leases.interface import LeaseHolder
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts
from slipway.contracts.containerd_api.generated import images_pb2 as events
from slipway.contracts.containerd_api.labels import (
    EXPIRE_LABEL,
    check_labels,
    labels_after_update,
    labels_from_text,
    labels_to_keep,
    text_from_labels,
)
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.containerd_api.words import digest_fault, quoted
from slipway.database.interface import Database


class SqlImageStore:
    """Images by namespace and name. Rows are synced: an image that was pulled is there after a power cut."""

    def __init__(self, database: Database, leases: LeaseHolder, events: EventPublisher, clock: Clock) -> None:
        self._database = database
        self._leases = leases
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

    def create(self, scope: Scope, image: Image, *, at: int | None = None) -> Image:
        _check(image)
        now = self._clock.now() if at is None else at
        stored = replace(_without_empty(image), created_at=now, updated_at=now)

        def insert(connection: sqlite3.Connection) -> None:
            self._hold(connection, scope, stored)
            try:
                connection.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(scope, stored))
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"image {quoted(image.name)}: already exists") from error

        self._database.write(insert, durable=True)
        event = events.ImageCreate(name=stored.name, labels=stored.labels)
        self._events.publish(scope.namespace, "/images/create", event)
        return stored

    def update(self, scope: Scope, image: Image, fields: Iterable[str] = (), *, at: int | None = None) -> Image:
        masks = tuple(fields)
        now = self._clock.now() if at is None else at

        def change(connection: sqlite3.Connection) -> Image:
            current = _get(connection, scope, image.name)
            changed = replace(_without_empty(_after_update(current, image, masks)), updated_at=now)
            _check(changed)
            self._hold(connection, scope, changed)
            connection.execute("REPLACE INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(scope, changed))
            return changed

        updated = self._database.write(change, durable=True)
        event = events.ImageUpdate(name=updated.name, labels=updated.labels)
        self._events.publish(scope.namespace, "/images/update", event)
        return updated

    def delete(self, scope: Scope, name: str, *, target: str = "") -> None:
        def remove(connection: sqlite3.Connection) -> None:
            there = _get(connection, scope, name).target.digest
            if target and there != target:
                raise NotFound(f"image {quoted(name)} has target {there}, not {target}: not found")
            connection.execute("DELETE FROM images WHERE namespace = ? AND name = ?", (scope.namespace, name))
            self._leases.release(connection, scope, "images", name)

        self._database.write(remove, durable=True)
        self._events.publish(scope.namespace, "/images/delete", events.ImageDelete(name=name))

    def _hold(self, connection: sqlite3.Connection, scope: Scope, image: Image) -> None:
        """An image that expires by its label is held by the lease of the call."""
        if EXPIRE_LABEL in image.labels:
            self._leases.hold(connection, scope, "images", image.name)


def _check(image: Image) -> None:
    if not image.name:
        raise InvalidArgument("image name must not be empty: invalid argument")
    check_labels(image.labels, "image.Labels")
    target = image.target
    if fault := digest_fault(target.digest):
        raise InvalidArgument(f"Target.Digest {quoted(target.digest)} invalid: {fault}: invalid argument")
    if target.size <= 0:
        raise InvalidArgument("Target.Size must be greater than zero: invalid argument")
    if not target.media_type:
        raise InvalidArgument("Target.MediaType must be set: invalid argument")


def _without_empty(image: Image) -> Image:
    target = replace(image.target, annotations=labels_to_keep(image.target.annotations))
    return replace(image, labels=labels_to_keep(image.labels), target=target)


def _after_update(current: Image, given: Image, masks: tuple[str, ...]) -> Image:
    if not masks:
        return replace(given, created_at=current.created_at)
    changed = replace(current, labels=labels_after_update(current.labels, given.labels, [*masks, "labels."]))
    for mask in masks:
        if mask == "target":
            changed = replace(changed, target=given.target)
        elif mask == "annotations" or mask.startswith("annotations."):
            annotations = _annotations(changed.target.annotations, given.target.annotations, mask)
            changed = replace(changed, target=replace(changed.target, annotations=annotations))
        elif mask != "labels" and not mask.startswith("labels."):
            field = f"{quoted(mask)} field on image {quoted(current.name)}"
            raise InvalidArgument(f"cannot update {field}: invalid argument")
    return changed


def _annotations(current: Mapping[str, str], given: Mapping[str, str], mask: str) -> Mapping[str, str]:
    if mask == "annotations":
        return given
    key = mask.removeprefix("annotations.")
    return {**current, key: given.get(key, "")}


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
        raise NotFound(f"image {quoted(name)}: not found")
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
