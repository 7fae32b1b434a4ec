"""A lease, and what it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """One lease of one namespace. `created_at` is nanoseconds since the epoch."""

    id: str
    created_at: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaseResource:
    """What a lease holds: `kind` is "content", "ingests", "images" or "snapshots/NAME"; `id` a digest, ref, name or
    key."""

    kind: str
    id: str
