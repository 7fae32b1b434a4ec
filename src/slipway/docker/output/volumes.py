"""The columns of `docker volume ls`."""

from slipway.docker.output.template_values import Row
from slipway.docker.output.units import decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TABLE = "table {{.Driver}}\t{{.Name}}"
_LATER = "N/A"
TITLES = {
    "Name": "VOLUME NAME",
    "Driver": "DRIVER",
    "Scope": "SCOPE",
    "Availability": "AVAILABILITY",
    "Mountpoint": "MOUNTPOINT",
    "Labels": "LABELS",
    "Links": "LINKS",
    "Group": "GROUP",
    "Size": "SIZE",
    "Status": "STATUS",
}


def volume_row(volume: "Mapping[str, Any]") -> Row:
    """One volume of GET /volumes. Cluster volumes' columns say N/A, as for every local volume."""
    labels = volume.get("Labels") or {}
    usage = volume.get("UsageData")
    return Row(
        "*formatter.volumeContext",
        {
            "Name": lambda: volume["Name"],
            "Driver": lambda: volume["Driver"],
            "Scope": lambda: volume["Scope"],
            "Mountpoint": lambda: volume["Mountpoint"],
            "Labels": lambda: ",".join(f"{key}={value}" for key, value in labels.items()),
            "Links": lambda: str(usage["RefCount"]) if usage else _LATER,
            "Size": lambda: decimal_size(usage["Size"]) if usage else _LATER,
            "Group": lambda: _LATER,
            "Availability": lambda: _LATER,
            "Status": lambda: _LATER,
        },
        {"Label": lambda name: labels.get(name, "")},
    )
