"""docker images."""

from slipway.docker.command import Command
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import Flag, boolean, filters
from slipway.docker.options.shared_flags import list_format, no_truncation, quiet
from slipway.docker.output.images import TITLES, image_format, image_rows
from slipway.docker.output.listing import render_listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        boolean("all", "Show intermediate images too", short="a"),
        boolean("digests", "Show digests"),
        filters("Show only what these conditions allow"),
        list_format(),
        no_truncation(),
        quiet("Show only image IDs"),
        boolean("tree", is_hidden=True),
    ]


def _run(session: "Session", options: "Options") -> int:
    conditions = list(options["filter"])
    if options.arguments:
        conditions.append(("reference", options.arguments[0]))
    query = dict(filter_query(conditions))
    if options["all"]:
        query["all"] = "1"
    images = session.engine.get("/images/json", query)
    source = options["format"]
    if not source:
        configured = "" if options["quiet"] else session.config.text("imagesFormat")
        source = configured or "table"
    chosen = image_format(source, quiet=options["quiet"], digests=options["digests"])
    rows = [
        row
        for image in images
        for row in image_rows(
            image,
            session.now,
            truncate=not options["no-trunc"],
            digests=options["digests"],
            ask_digests="{{.Digest}}" in chosen,
        )
    ]
    session.output.write(render_listing(chosen, rows, TITLES))
    return 0


LIST = Command(
    _run,
    "[OPTIONS] [REPOSITORY[:TAG]]",
    arguments=(0, 1),
    flags=_flags,
    names=("image ls", "image list", "images"),
)
