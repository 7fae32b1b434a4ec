"""docker image prune."""

from slipway.docker.command import Command
from slipway.docker.commands.confirmation import confirm
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import Flag, boolean, filters
from slipway.docker.options.shared_flags import without_question
from slipway.docker.output.units import decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_DANGLING = "WARNING! This will remove all dangling images.\nAre you sure you want to continue?"
_UNUSED = (
    "WARNING! This will remove all images without at least one container associated to them.\n"
    "Are you sure you want to continue?"
)


def _flags() -> list[Flag]:
    return [
        boolean("all", "Remove all unused images, not only dangling ones", short="a"),
        filters('Remove only what these conditions allow (e.g. "until=<timestamp>")', short=""),
        without_question(),
    ]


def _run(session: "Session", options: "Options") -> int:
    if not options["force"]:
        confirm(session, _UNUSED if options["all"] else _DANGLING, "image prune")
    removed = prune_images(session, list(options["filter"]), every_unused=options["all"])
    session.print(f"Total reclaimed space: {decimal_size(removed)}")
    return 0


def prune_images(session: "Session", conditions: "list[tuple[str, str]]", *, every_unused: bool) -> int:
    """Remove unused images and list them; the bytes that came free."""
    dangling = ("dangling", "false" if every_unused else "true")
    report = session.engine.post("/images/prune", filter_query([*conditions, dangling]))
    deleted = report.get("ImagesDeleted") or ()
    if not deleted:
        return 0
    lines = [
        f"untagged: {each['Untagged']}\n" if each.get("Untagged") else f"deleted: {each['Deleted']}\n"
        for each in deleted
    ]
    session.output.write("".join(["Deleted Images:\n", *lines, "\n"]))
    return int(report.get("SpaceReclaimed", 0))


PRUNE = Command(_run, "[OPTIONS]", flags=_flags)
