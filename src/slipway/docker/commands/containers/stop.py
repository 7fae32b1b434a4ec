"""docker stop and docker restart."""

from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.several import for_each
from slipway.docker.options.flags import Flag, integer, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        text("signal", "Signal to send to the container", short="s"),
        integer("time", alias_of="timeout", deprecated="use --timeout instead"),
        integer("timeout", "Seconds to wait before killing the container", short="t"),
    ]


def _command(verb: str) -> "Callable[[Session, Options], int]":
    def run(session: "Session", options: "Options") -> int:
        query = {}
        if options["signal"]:
            query["signal"] = options["signal"]
        if "timeout" in options.changed:
            query["t"] = str(options["timeout"])
        engine = session.engine
        return for_each(
            session, options.arguments, lambda name: engine.begin("POST", f"/containers/{name}/{verb}", query)
        )

    return run


def _make(verb: str) -> Command:
    return Command(
        _command(verb),
        "[OPTIONS] CONTAINER [CONTAINER...]",
        arguments=(1, UNLIMITED),
        flags=_flags,
        names=(f"container {verb}", verb),
    )


STOP = _make("stop")
RESTART = _make("restart")
