"""docker wait."""

from slipway.base.errors import EngineError
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.containers.attaching import open_wait, read_exit_status
from slipway.docker.session import fail_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _run(session: "Session", options: "Options") -> int:
    errors: list[EngineError] = []
    for name in options.arguments:
        try:
            status, _ = read_exit_status(open_wait(session.engine, name, ""))
        except EngineError as error:
            errors.append(error)
            continue
        session.print(str(status))
    fail_together(errors)
    return 0


WAIT = Command(_run, "CONTAINER [CONTAINER...]", arguments=(1, UNLIMITED), names=("container wait", "wait"))
