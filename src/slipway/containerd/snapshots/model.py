"""What a snapshotter is asked for and tells of its snapshots."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.contracts.containerd_api.filters import field_of_map

# On a snapshot that is made to be committed: the name that it will get.
REFERENCE_LABEL: Final = "containerd.io/snapshot.ref"
_FOR_SNAPSHOTTERS: Final = "containerd.io/snapshot/"


class SnapshotKind(StrEnum):
    """The words `ctr snapshots ls` prints, lower-cased, as filters spell them (`kind==committed`)."""

    VIEW = "view"
    ACTIVE = "active"
    COMMITTED = "committed"


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotInfo:
    """One snapshot. `name` is its key while active; times are nanoseconds since the epoch."""

    name: str
    parent: str
    kind: SnapshotKind
    created_at: int
    updated_at: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotUsage:
    """What a snapshot takes on disk."""

    size: int
    inodes: int


def labels_for_snapshotter(labels: Mapping[str, str]) -> dict[str, str]:
    """Those of the labels that a snapshotter is told: the others are between this daemon and its clients."""
    return {key: value for key, value in labels.items() if key == REFERENCE_LABEL or key.startswith(_FOR_SNAPSHOTTERS)}


def check_key(key: str) -> None:
    """Raises InvalidArgument for an empty one."""
    if not key:
        raise InvalidArgument("a snapshot's key must not be empty")


def field_of(info: SnapshotInfo, path: tuple[str, ...]) -> str | None:
    """What a filter's path means of a snapshot."""
    if path[0] == "labels":
        return field_of_map(info.labels, path[1:])
    known = {"name": info.name, "parent": info.parent, "kind": info.kind.value}
    return known.get(path[0]) if len(path) == 1 else None
