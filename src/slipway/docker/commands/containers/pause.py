"""docker pause and docker unpause."""

from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.several import for_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _command(verb: str) -> "Callable[[Session, Options], int]":
    def run(session: "Session", options: "Options") -> int:
        engine = session.engine
        return for_each(session, options.arguments, lambda name: engine.begin("POST", f"/containers/{name}/{verb}"))

    return run


def _make(verb: str) -> Command:
    return Command(
        _command(verb),
        "CONTAINER [CONTAINER...]",
        arguments=(1, UNLIMITED),
        names=(f"container {verb}", verb),
    )


PAUSE = _make("pause")
UNPAUSE = _make("unpause")
