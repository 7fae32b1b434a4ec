"""What a snapshotter tells of its snapshots."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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
