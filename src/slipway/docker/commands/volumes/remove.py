"""docker volume rm and prune."""

from slipway.base.errors import EngineError
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.confirmation import confirm
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import Flag, boolean, filters
from slipway.docker.options.shared_flags import without_question
from slipway.docker.output.units import decimal_size
from slipway.docker.session import fail_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_ANONYMOUS = (
    "WARNING! This will remove anonymous local volumes not used by at least one container.\n"
    "Are you sure you want to continue?"
)
_ALL = (
    "WARNING! This will remove all local volumes not used by at least one container.\n"
    "Are you sure you want to continue?"
)


def _remove_flags() -> list[Flag]:
    return [boolean("force", "Remove the volume without asking its driver twice", short="f")]


def _remove(session: "Session", options: "Options") -> int:
    errors: list[EngineError] = []
    query = {"force": "1"} if options["force"] else {}
    for name in options.arguments:
        try:
            session.engine.delete(f"/volumes/{name}", query)
        except EngineError as error:
            errors.append(error)
            continue
        session.print(name)
    fail_together(errors)
    return 0


def _prune_flags() -> list[Flag]:
    return [
        boolean("all", "Remove named volumes too", short="a"),
        filters('Remove only what these conditions allow (e.g. "label=<label>")', short=""),
        without_question(),
    ]


def _prune(session: "Session", options: "Options") -> int:
    if not options["force"]:
        confirm(session, _ALL if options["all"] else _ANONYMOUS, "volume prune")
    removed = prune_volumes(session, list(options["filter"]), every_unused=options["all"])
    session.print(f"Total reclaimed space: {decimal_size(removed)}")
    return 0


def prune_volumes(session: "Session", conditions: "list[tuple[str, str]]", *, every_unused: bool) -> int:
    """Remove unused volumes and list them; the bytes that came free."""
    if every_unused:
        conditions = [*conditions, ("all", "true")]
    report = session.engine.post("/volumes/prune", filter_query(conditions))
    deleted = report.get("VolumesDeleted") or ()
    if not deleted:
        return 0
    session.output.write("".join(["Deleted Volumes:\n", *(f"{each}\n" for each in deleted), "\n"]))
    return int(report.get("SpaceReclaimed", 0))


REMOVE = Command(
    _remove,
    "[OPTIONS] VOLUME [VOLUME...]",
    arguments=(1, UNLIMITED),
    flags=_remove_flags,
    names=("volume rm", "volume remove"),
    description="Remove volumes. A volume that a container uses cannot be removed.",
)
PRUNE = Command(_prune, "[OPTIONS]", flags=_prune_flags)
