"""docker top."""

from slipway.docker.command import UNLIMITED, Command
from slipway.docker.output.tables import align

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_COLUMN_WIDTH = 20


def _run(session: "Session", options: "Options") -> int:
    name, *arguments = options.arguments
    query = {"ps_args": " ".join(arguments)} if arguments else {}
    listing = session.engine.get(f"/containers/{name}/top", query)
    lines = [listing["Titles"], *(listing["Processes"] or ())]
    session.output.write(align("".join("\t".join(line) + "\n" for line in lines), minimum=_COLUMN_WIDTH))
    return 0


TOP = Command(
    _run,
    "CONTAINER [ps OPTIONS]",
    arguments=(1, UNLIMITED),
    names=("container top", "top"),
    are_mixed=False,
)
