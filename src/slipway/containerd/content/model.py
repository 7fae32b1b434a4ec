"""What the content store knows of blobs and of the writes that become blobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentInfo:
    """One blob as one namespace sees it. Times are nanoseconds since the epoch; sizes are bytes."""

    digest: str
    size: int
    created_at: int
    updated_at: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestStatus:
    """One unfinished write. `offset` bytes are on disk; `total` and `expected` are 0 and empty where not known."""

    ref: str
    offset: int
    total: int
    expected: str
    started_at: int
    updated_at: int
