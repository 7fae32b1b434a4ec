"""Containers to rows and back."""

import sqlite3
from typing import Any, Final

from slipway.containerd.containers.model import (
    Container,
    TypedValue,
    text_from_typed_values,
    typed_values_from_text,
)
from slipway.contracts.containerd_api.labels import labels_from_text, text_from_labels

COLUMNS: Final = (
    "namespace",
    "id",
    "image",
    "runtime_name",
    "runtime_options_type",
    "runtime_options",
    "spec_type",
    "spec",
    "snapshotter",
    "snapshot_key",
    "sandbox",
    "extensions",
    "labels",
    "created_at",
    "updated_at",
)


def row_from_container(namespace: str, container: Container) -> tuple[Any, ...]:
    """Values in the order of COLUMNS."""
    return (
        namespace,
        container.id,
        container.image,
        container.runtime_name,
        container.runtime_options.type_url,
        container.runtime_options.value,
        container.spec.type_url,
        container.spec.value,
        container.snapshotter,
        container.snapshot_key,
        container.sandbox,
        text_from_typed_values(container.extensions),
        text_from_labels(container.labels),
        container.created_at,
        container.updated_at,
    )


def container_from_row(row: sqlite3.Row) -> Container:
    return Container(
        id=row["id"],
        image=row["image"],
        runtime_name=row["runtime_name"],
        runtime_options=TypedValue(row["runtime_options_type"], row["runtime_options"]),
        spec=TypedValue(row["spec_type"], row["spec"]),
        snapshotter=row["snapshotter"],
        snapshot_key=row["snapshot_key"],
        sandbox=row["sandbox"],
        extensions=typed_values_from_text(row["extensions"]),
        labels=labels_from_text(row["labels"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
