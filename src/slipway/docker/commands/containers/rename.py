"""docker rename."""

from slipway.base.errors import EngineError, InvalidArgument
from slipway.docker.command import Command
from slipway.docker.session import CommandFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _run(session: "Session", options: "Options") -> int:
    old, new = (name.strip() for name in options.arguments)
    if not old or not new:
        raise InvalidArgument("Error: Neither old nor new names may be empty")
    try:
        session.engine.post(f"/containers/{old}/rename", {"name": new})
    except EngineError as error:
        session.warn(str(error))
        raise CommandFailed(f"Error: failed to rename container named {old}") from error
    return 0


RENAME = Command(_run, "CONTAINER NEW_NAME", arguments=(2, 2), names=("container rename", "rename"))
