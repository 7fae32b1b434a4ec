"""docker stats."""

from slipway.base.errors import EngineError
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.options.flags import Flag, boolean
from slipway.docker.options.shared_flags import list_format
from slipway.docker.output.listing import render_listing
from slipway.docker.output.statistics import TABLE, TITLES, statistics_row
from slipway.docker.session import fail_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_CLEAR = "\x1b[H\x1b[J"  # cursor home, erase below


def _flags() -> list[Flag]:
    return [
        boolean("all", "Show all containers, not only running ones", short="a"),
        list_format(),
        boolean("no-stream", "Show one result and end"),
        boolean("no-trunc", "Show everything in full length"),
    ]


def _run(session: "Session", options: "Options") -> int:
    source = options["format"] or session.config.text("statsFormat")
    source = TABLE if source in ("", "table") else source
    while True:
        names = options.arguments or _all_names(session, every=options["all"])
        text = _table(session, names, source, truncate=not options["no-trunc"])
        if options["no-stream"]:
            session.output.write(text)
            return 0
        session.output.write(_CLEAR + text)


def _all_names(session: "Session", *, every: bool) -> "list[str]":
    containers = session.engine.get("/containers/json", {"all": "1"} if every else {})
    return [container["Id"] for container in containers]


def _table(session: "Session", names: "list[str]", source: str, *, truncate: bool) -> str:
    """One sample of each, taken beside each other: the daemon takes a second for the processor's share."""
    requests = [session.engine.begin("GET", f"/containers/{name}/stats", {"stream": "0"}) for name in names]
    errors: list[EngineError] = []
    rows = []
    for name, request in zip(names, requests, strict=True):
        try:
            rows.append(statistics_row(name, request.wait_document(), truncate=truncate))
        except EngineError as error:
            errors.append(error)
    fail_together(errors)
    return render_listing(source, rows, TITLES)


STATS = Command(
    _run,
    "[OPTIONS] [CONTAINER...]",
    arguments=(0, UNLIMITED),
    flags=_flags,
    names=("container stats", "stats"),
)
