"""docker volume inspect."""

from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.inspecting import inspect_all
from slipway.docker.options.flags import Flag
from slipway.docker.options.shared_flags import inspect_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [inspect_format()]


def _run(session: "Session", options: "Options") -> int:
    return inspect_all(
        session,
        options.arguments,
        options["format"],
        lambda name: session.engine.get_bytes(f"/volumes/{name}"),
    )


INSPECT = Command(_run, "[OPTIONS] VOLUME [VOLUME...]", arguments=(1, UNLIMITED), flags=_flags)
