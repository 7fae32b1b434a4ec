"""docker container inspect."""

from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.inspecting import inspect_all
from slipway.docker.options.flags import Flag, boolean
from slipway.docker.options.shared_flags import inspect_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [inspect_format(), boolean("size", "Show the sizes of files too", short="s")]


def _run(session: "Session", options: "Options") -> int:
    query = {"size": "1"} if options["size"] else {}
    return inspect_all(
        session,
        options.arguments,
        options["format"],
        lambda name: session.engine.get_bytes(f"/containers/{name}/json", query),
    )


INSPECT = Command(_run, "[OPTIONS] CONTAINER [CONTAINER...]", arguments=(1, UNLIMITED), flags=_flags)
