"""docker container prune."""

from slipway.docker.command import Command
from slipway.docker.commands.confirmation import confirm
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import Flag, filters
from slipway.docker.options.shared_flags import without_question
from slipway.docker.output.units import decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_QUESTION = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?"


def _flags() -> list[Flag]:
    return [filters('Remove only what these conditions allow (e.g. "until=<timestamp>")', short=""), without_question()]


def _run(session: "Session", options: "Options") -> int:
    if not options["force"]:
        confirm(session, _QUESTION, "container prune")
    removed = prune_containers(session, list(options["filter"]))
    session.print(f"Total reclaimed space: {decimal_size(removed)}")
    return 0


def prune_containers(session: "Session", conditions: "list[tuple[str, str]]") -> int:
    """Remove stopped containers and list them; the bytes that came free."""
    report = session.engine.post("/containers/prune", filter_query(conditions))
    deleted = report.get("ContainersDeleted") or ()
    if deleted:
        session.output.write("".join(["Deleted Containers:\n", *(f"{each}\n" for each in deleted), "\n"]))
    return int(report.get("SpaceReclaimed", 0)) if deleted else 0


PRUNE = Command(_run, "[OPTIONS]", flags=_flags)
