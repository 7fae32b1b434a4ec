"""docker create: a container that is not started yet."""

from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.containers.creation import build_request, create_container, creation_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.flags import Flag
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> "list[Flag]":
    return creation_flags("creating")


def _run(session: "Session", options: "Options") -> int:
    request = build_request(session, options, "create")
    session.print(create_container(session, options, request))
    return 0


CREATE = Command(
    _run,
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    arguments=(1, UNLIMITED),
    flags=_flags,
    names=("container create", "create"),
    are_mixed=False,
)
