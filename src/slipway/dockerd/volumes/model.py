"""A volume. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from slipway.base.timestamps import rfc3339_from_nanoseconds

ANONYMOUS_LABEL: Final = "com.docker.volume.anonymous"


@dataclass(frozen=True, kw_only=True)
class Volume:
    """`mountpoint` is a folder of the host; `created` in nanoseconds. An anonymous one carries the original's label."""

    name: str
    mountpoint: str
    created: int
    labels: Mapping[str, str] | None = None
    options: Mapping[str, str] | None = field(default=None)

    def document(self) -> dict[str, Any]:
        """As the Engine API writes it."""
        return {
            "CreatedAt": rfc3339_from_nanoseconds(self.created // 1_000_000_000 * 1_000_000_000),
            "Driver": "local",
            "Labels": self.labels,
            "Mountpoint": self.mountpoint,
            "Name": self.name,
            "Options": self.options,
            "Scope": "local",
        }
