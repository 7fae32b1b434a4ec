"""docker network rm and prune."""

from slipway.base.errors import EngineError, NotFound
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.confirmation import confirm
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import Flag, boolean, filters
from slipway.docker.options.shared_flags import without_question
from slipway.docker.session import CommandFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_QUESTION = (
    "WARNING! This will remove all custom networks not used by at least one container.\n"
    "Are you sure you want to continue?"
)


def _remove_flags() -> list[Flag]:
    return [boolean("force", "Say nothing of a network that does not exist", short="f")]


def _remove(session: "Session", options: "Options") -> int:
    status = 0
    for name in options.arguments:
        try:
            session.engine.delete(f"/networks/{name}")
        except EngineError as error:
            if options["force"] and isinstance(error, NotFound):
                continue
            session.warn(str(error))
            status = 1
            continue
        session.print(name)
    if status:
        raise CommandFailed(f"exit status {status}", status)
    return 0


def _prune_flags() -> list[Flag]:
    return [filters('Remove only what these conditions allow (e.g. "until=<timestamp>")', short=""), without_question()]


def _prune(session: "Session", options: "Options") -> int:
    if not options["force"]:
        confirm(session, _QUESTION, "network prune")
    prune_networks(session, list(options["filter"]))
    return 0


def prune_networks(session: "Session", conditions: "list[tuple[str, str]]") -> None:
    """Remove unused networks and list them."""
    report = session.engine.post("/networks/prune", filter_query(conditions))
    deleted = report.get("NetworksDeleted") or ()
    if deleted:
        session.output.write("".join(["Deleted Networks:\n", *(f"{each}\n" for each in deleted), "\n"]))


REMOVE = Command(
    _remove,
    "NETWORK [NETWORK...]",
    arguments=(1, UNLIMITED),
    flags=_remove_flags,
    names=("network rm", "network remove"),
)
PRUNE = Command(_prune, "[OPTIONS]", flags=_prune_flags)
