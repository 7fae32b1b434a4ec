"""An image: a name for a descriptor, with labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.contracts.containerd_api.types import Descriptor


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """One name of one namespace. Times are nanoseconds since the epoch; 0 before it is stored."""

    name: str
    target: Descriptor
    labels: Mapping[str, str] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0
