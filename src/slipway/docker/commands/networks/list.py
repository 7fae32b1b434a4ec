"""docker network ls."""

from slipway.docker.command import Command
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import Flag, filters
from slipway.docker.options.shared_flags import list_format, no_truncation, quiet
from slipway.docker.output.listing import render_listing
from slipway.docker.output.networks import TABLE, TITLES, network_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        filters('Show only what these conditions allow (e.g. "driver=bridge")'),
        list_format(),
        no_truncation(),
        quiet("Show only network IDs"),
    ]


def _run(session: "Session", options: "Options") -> int:
    networks = session.engine.get("/networks", filter_query(options["filter"]))
    source = options["format"] or ("" if options["quiet"] else session.config.text("networksFormat")) or "table"
    if source == "table":
        source = "{{.ID}}" if options["quiet"] else TABLE
    elif source == "raw":
        fields = "name: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n"
        source = "network_id: {{.ID}}" + ("" if options["quiet"] else "\n" + fields)
    rows = [
        network_row(network, truncate=not options["no-trunc"])
        for network in sorted(networks, key=lambda network: network["Name"])
    ]
    session.output.write(render_listing(source, rows, TITLES))
    return 0


LIST = Command(_run, "[OPTIONS]", flags=_flags, names=("network ls", "network list"))
