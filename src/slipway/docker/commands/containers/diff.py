"""docker diff."""

from slipway.docker.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_KINDS = ("C", "A", "D")  # changed, added, deleted: the API's numbers


def _run(session: "Session", options: "Options") -> int:
    changes = session.engine.get(f"/containers/{options.arguments[0]}/changes") or ()
    session.output.write("".join(f"{_KINDS[change['Kind']]} {change['Path']}\n" for change in changes))
    return 0


DIFF = Command(_run, "CONTAINER", arguments=(1, 1), names=("container diff", "diff"))
