"""docker search."""

from slipway.docker.command import Command
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import Flag, filters, integer
from slipway.docker.options.shared_flags import list_format, no_truncation
from slipway.docker.output.listing import render_listing
from slipway.docker.output.template_values import Row
from slipway.docker.output.text import ellipsis
from slipway.docker.settings.credentials import DOCKER_HUB, auth_header, load_credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_TABLE = "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}"
_TITLES = {
    "Name": "NAME",
    "Description": "DESCRIPTION",
    "StarCount": "STARS",
    "IsOfficial": "OFFICIAL",
    "IsAutomated": "AUTOMATED",
}
_DESCRIPTION_COLUMNS = 45


def _flags() -> list[Flag]:
    return [
        filters("Show only what these conditions allow"),
        list_format(),
        integer("limit", "Most results to show"),
        no_truncation(),
    ]


def _run(session: "Session", options: "Options") -> int:
    query = {"term": options.arguments[0], **filter_query(options["filter"])}
    if options["limit"] > 0:
        query["limit"] = str(options["limit"])
    credentials = load_credentials(session.config, DOCKER_HUB)
    response = session.engine.stream(
        "GET", "/images/search", query, headers=[("X-Registry-Auth", auth_header(credentials))]
    )
    from slipway.clients.dockerd.json_documents import parse_json

    found = parse_json(response.read_all()) or []
    rows = [_row(result, truncate=not options["no-trunc"]) for result in found]
    source = options["format"] if options["format"] not in ("", "table") else _TABLE
    session.output.write(render_listing(source, rows, _TITLES))
    return 0


def _row(result: "dict[str, Any]", *, truncate: bool) -> Row:
    description = result["description"].replace("\n", " ").replace("\r", " ")
    return Row(
        "*registry.searchContext",
        {
            "Name": lambda: result["name"],
            "Description": lambda: ellipsis(description, _DESCRIPTION_COLUMNS) if truncate else description,
            "StarCount": lambda: str(result["star_count"]),
            "IsOfficial": lambda: "[OK]" if result["is_official"] else "",
            "IsAutomated": lambda: "",
        },
    )


SEARCH = Command(_run, "[OPTIONS] TERM", arguments=(1, 1), flags=_flags)
