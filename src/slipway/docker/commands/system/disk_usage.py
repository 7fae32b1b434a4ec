"""docker system df."""

from slipway.base.errors import NotImplementedByEngine
from slipway.docker.command import Command
from slipway.docker.options.flags import Flag, boolean
from slipway.docker.options.shared_flags import list_format
from slipway.docker.output.disk_usage import TABLE, TITLES, usage_rows
from slipway.docker.output.listing import render_listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [list_format(), boolean("verbose", "Show each object", short="v")]


def _run(session: "Session", options: "Options") -> int:
    if options["verbose"]:
        raise NotImplementedByEngine("docker system df --verbose is not there yet", "docker ps -s and docker images")
    usage = session.engine.get("/system/df")
    source = options["format"] if options["format"] not in ("", "table") else TABLE
    session.output.write(render_listing(source, usage_rows(usage), TITLES))
    return 0


DISK_USAGE = Command(_run, "[OPTIONS]", flags=_flags)
