"""The columns of `docker network ls`."""

from slipway.docker.output.template_values import Row
from slipway.docker.output.text import go_time, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TABLE = "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"
TITLES = {
    "ID": "NETWORK ID",
    "Name": "NAME",
    "Driver": "DRIVER",
    "Scope": "SCOPE",
    "IPv4": "IPV4",
    "IPv6": "IPV6",
    "Internal": "INTERNAL",
    "Labels": "LABELS",
    "CreatedAt": "CREATED AT",
}


def network_row(network: "Mapping[str, Any]", *, truncate: bool) -> Row:
    """One network of GET /networks."""
    labels = network.get("Labels") or {}
    return Row(
        "*network.networkContext",
        {
            "ID": lambda: short_id(network["Id"]) if truncate else network["Id"],
            "Name": lambda: network["Name"],
            "Driver": lambda: network["Driver"],
            "Scope": lambda: network["Scope"],
            "IPv4": lambda: _boolean(network.get("EnableIPv4", True)),
            "IPv6": lambda: _boolean(network.get("EnableIPv6", False)),
            "Internal": lambda: _boolean(network.get("Internal", False)),
            "Labels": lambda: ",".join(f"{key}={value}" for key, value in labels.items()),
            "CreatedAt": lambda: go_time(network["Created"]),
        },
        {"Label": lambda name: labels.get(name, "")},
    )


def _boolean(value: object) -> str:
    return "true" if value else "false"
