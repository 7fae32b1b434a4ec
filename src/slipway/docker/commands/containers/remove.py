"""docker rm."""

from slipway.base.errors import InvalidArgument, NotFound
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.several import for_each
from slipway.docker.options.flags import Flag, boolean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.clients.dockerd.engine import Pending
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        boolean("force", "Remove a running container too (kills it)", short="f"),
        boolean("link", "Remove this link", short="l"),
        boolean("volumes", "Remove the container's anonymous volumes too", short="v"),
    ]


def _run(session: "Session", options: "Options") -> int:
    members = {"force": "force", "link": "link", "volumes": "v"}
    query = {member: "1" for flag, member in members.items() if options[flag]}

    def begin(name: str) -> "Pending":
        name = name.strip("/")
        if not name:
            raise InvalidArgument("container name cannot be empty")
        return session.engine.begin("DELETE", f"/containers/{name}", query)

    return for_each(
        session, options.arguments, begin, tolerate=lambda error: options["force"] and isinstance(error, NotFound)
    )


REMOVE = Command(
    _run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    arguments=(1, UNLIMITED),
    flags=_flags,
    names=("container rm", "container remove", "rm"),
)
