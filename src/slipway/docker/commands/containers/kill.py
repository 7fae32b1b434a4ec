"""docker kill."""

from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.several import for_each
from slipway.docker.options.flags import Flag, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [text("signal", "Signal to send to the container", short="s")]


def _run(session: "Session", options: "Options") -> int:
    query = {"signal": options["signal"]} if options["signal"] else {}
    engine = session.engine
    return for_each(session, options.arguments, lambda name: engine.begin("POST", f"/containers/{name}/kill", query))


KILL = Command(
    _run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    arguments=(1, UNLIMITED),
    flags=_flags,
    names=("container kill", "kill"),
)
