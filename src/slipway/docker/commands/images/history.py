"""docker history."""

from slipway.docker.command import Command
from slipway.docker.options.flags import Flag, boolean, text
from slipway.docker.options.platforms import platform_document
from slipway.docker.options.shared_flags import list_format, no_truncation, quiet
from slipway.docker.output.images import HISTORY_TABLE, HISTORY_TITLES, history_row
from slipway.docker.output.listing import render_listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        list_format(),
        boolean("human", "Print sizes and dates for people", short="H", default=True),
        no_truncation(),
        text("platform", 'History of this platform, "os[/arch[/variant]]" (e.g., "linux/amd64")'),
        quiet("Show only image IDs"),
    ]


def _run(session: "Session", options: "Options") -> int:
    query = {"platform": platform_document(options["platform"])} if options["platform"] else {}
    steps = session.engine.get(f"/images/{options.arguments[0]}/history", query)
    source = options["format"] or "table"
    if source == "table":
        source = HISTORY_TABLE if options["human"] else HISTORY_TABLE.replace("Since", "At")
        source = "{{.ID}}" if options["quiet"] else source
    rows = [history_row(step, session.now, truncate=not options["no-trunc"], human=options["human"]) for step in steps]
    session.output.write(render_listing(source, rows, HISTORY_TITLES))
    return 0


HISTORY = Command(_run, "[OPTIONS] IMAGE", arguments=(1, 1), flags=_flags, names=("image history", "history"))
