"""docker ps."""

from slipway.base.errors import InvalidArgument
from slipway.docker.command import Command
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import boolean, filters, integer
from slipway.docker.options.shared_flags import list_format, no_truncation, quiet
from slipway.docker.output.containers import TITLES, container_format, container_row
from slipway.docker.output.listing import render_listing
from slipway.docker.output.templates import Row, Template, TemplateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.docker.options.flags import Flag
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> "Sequence[Flag]":
    return (
        boolean("all", "Show all containers, not only running ones", short="a"),
        filters("Show only what these conditions allow"),
        list_format(),
        integer("last", "Show the n containers created last, in any state", short="n", default=-1),
        boolean("latest", "Show the container created last, in any state", short="l"),
        no_truncation(),
        quiet("Show only container IDs"),
        boolean("size", "Show the sizes of files too", short="s"),
    )


def _run(session: "Session", options: "Options") -> int:
    source = options["format"]
    if not source:
        source = session.config.text("psFormat")
    elif options["quiet"]:
        session.warn("WARNING: Ignoring custom format, because both --format and --quiet are set.")
    with_size = options["size"]
    if options["format"] and _uses_size(options["format"]) and not (options["quiet"] or "size" in options.changed):
        with_size = True
    query = dict(filter_query(options["filter"]))
    limit = 1 if options["latest"] and options["last"] == -1 else options["last"]
    if options["all"]:
        query["all"] = "1"
    if limit > 0:
        query["limit"] = str(limit)
    if with_size:
        query["size"] = "1"
    containers = session.engine.get("/containers/json", query)
    rows = (container_row(each, session.now, truncate=not options["no-trunc"]) for each in containers)
    chosen = container_format(source, quiet=options["quiet"], with_size=with_size)
    session.output.write(render_listing(chosen, rows, TITLES))
    return 0


def _uses_size(source: str) -> bool:
    """Whether the template asks for sizes, which cost the daemon time. Raises InvalidArgument for a bad template."""
    asked = []

    def note() -> str:
        asked.append(True)
        return ""

    columns = {name: (note if name == "Size" else str) for name in TITLES}
    try:
        template = Template(source)
        template.render(Row("*formatter.ContainerContext", columns, {"Label": lambda _name: ""}))
    except TemplateError as error:
        verb = "execute" if "executing" in str(error) else "parse"
        raise InvalidArgument(f"failed to {verb} template: {error}") from error
    return bool(asked)


LIST = Command(
    _run,
    "[OPTIONS]",
    flags=_flags,
    names=("container ls", "container list", "container ps", "ps"),
)
