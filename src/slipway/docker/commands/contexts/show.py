"""docker context show."""

from slipway.docker.command import Command
from slipway.docker.settings.endpoint import current_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _run(session: "Session", _options: "Options") -> int:
    session.print(current_context(session.global_options, session.environment, session.config))
    return 0


SHOW = Command(_run)
