"""docker volume ls."""

from slipway.docker.command import Command
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import Flag, boolean, filters
from slipway.docker.options.shared_flags import list_format, quiet
from slipway.docker.output.listing import render_listing
from slipway.docker.output.volumes import TABLE, TITLES, volume_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        boolean("cluster", is_hidden=True),
        filters('Show only what these conditions allow (e.g. "dangling=true")'),
        list_format(),
        quiet("Show only volume names"),
    ]


def _run(session: "Session", options: "Options") -> int:
    volumes = session.engine.get("/volumes", filter_query(options["filter"]))["Volumes"] or ()
    source = options["format"] or ("" if options["quiet"] else session.config.text("volumesFormat")) or "table"
    if source == "table":
        source = "{{.Name}}" if options["quiet"] else TABLE
    elif source == "raw":
        source = "name: {{.Name}}" if options["quiet"] else "name: {{.Name}}\ndriver: {{.Driver}}\n"
    rows = [volume_row(volume) for volume in sorted(volumes, key=lambda volume: volume["Name"])]
    session.output.write(render_listing(source, rows, TITLES))
    return 0


LIST = Command(_run, "[OPTIONS]", flags=_flags, names=("volume ls", "volume list"))
