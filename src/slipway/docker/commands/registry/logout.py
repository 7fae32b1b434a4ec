"""docker logout."""

from slipway.docker.command import Command
from slipway.docker.commands.registry.login import registry_address
from slipway.docker.settings.credentials import erase_credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _run(session: "Session", options: "Options") -> int:
    server = registry_address(options.arguments[0] if options.arguments else "")
    session.print(f"Removing login credentials for {server}")
    erase_credentials(session.config, server)
    return 0


LOGOUT = Command(
    _run,
    "[SERVER]",
    arguments=(0, 1),
    description="Log out from a registry.\nWithout a server, from Docker Hub.",
)
