"""The text of `docker version`."""

from slipway.base.errors import InvalidArgument
from slipway.docker.output.tables import align
from slipway.docker.output.timestamps import nanoseconds_from_rfc3339
from slipway.docker.output.units import SECOND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_COLUMN_WIDTH = 20


def version_text(client: "Mapping[str, Any]", server: "Mapping[str, Any] | None") -> str:
    """Both sides, or the client's alone where the daemon does not answer."""
    api = client["ApiVersion"]
    if api != client["DefaultAPIVersion"]:
        api += f" (downgraded from {client['DefaultAPIVersion']})"
    rows = [
        "Client:",
        f" Version:\t{client['Version']}",
        f" API version:\t{api}",
        f" Go version:\t{client['GoVersion']}",
        f" Git commit:\t{client['GitCommit']}",
        f" Built:\t{client['BuildTime']}",
        f" OS/Arch:\t{client['Os']}/{client['Arch']}",
        f" Context:\t{client['Context']}",
    ]
    if server is not None:
        rows += ["", f"Server: {(server.get('Platform') or {}).get('Name', '')}".rstrip()]
        for component in server.get("Components") or ():
            rows += _component_rows(component)
    return align("".join(f"{row}\n" for row in rows), minimum=_COLUMN_WIDTH, padding=1)


def _component_rows(component: "Mapping[str, Any]") -> list[str]:
    details = component.get("Details") or {}
    rows = [f" {component['Name']}:", f"  Version:\t{component['Version']}"]
    if component["Name"] != "Engine":
        return [*rows, *(f"  {name}:\t{details[name]}" for name in sorted(details))]
    api = f"{details.get('ApiVersion', '')} (minimum version {details.get('MinAPIVersion', '')})"
    return [
        *rows,
        f"  API version:\t{api}",
        f"  Go version:\t{details.get('GoVersion', '')}",
        f"  Git commit:\t{details.get('GitCommit', '')}",
        f"  Built:\t{details.get('BuildTime', '')}",
        f"  OS/Arch:\t{details.get('Os', '')}/{details.get('Arch', '')}",
        f"  Experimental:\t{details.get('Experimental', '')}",
    ]


def with_readable_build_times(server: "dict[str, Any]") -> "dict[str, Any]":
    """The daemon's document with each component's build time as `Tue Sep 15 11:02:57 2026`."""
    for component in server.get("Components") or ():
        details = component.get("Details") or {}
        if details.get("BuildTime"):
            details["BuildTime"] = readable_time(details["BuildTime"])
    return server


def readable_time(text: str) -> str:
    """An RFC 3339 time in C's asctime form, its own zone kept; other text as it is."""
    import time

    try:
        seconds = nanoseconds_from_rfc3339(text.replace("+00:00", "Z")) // SECOND
    except InvalidArgument:
        return text
    moment = time.gmtime(seconds)
    return f"{time.strftime('%a %b', moment)} {moment.tm_mday:2d} {time.strftime('%H:%M:%S %Y', moment)}"
