"""What a snapshotter tells of its snapshots."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

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
