"""docker rmi."""

from slipway.base.errors import EngineError, NotFound
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.options.flags import Flag, boolean, comma_separated
from slipway.docker.options.platforms import platform_document
from slipway.docker.session import fail_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        boolean("force", "Remove the image although something uses it", short="f"),
        boolean("no-prune", "Keep untagged parents"),
        comma_separated("platform", 'Remove only this platform, "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    ]


def _run(session: "Session", options: "Options") -> int:
    query: dict[str, str | list[str]] = {}
    if options["force"]:
        query["force"] = "1"
    if options["no-prune"]:
        query["noprune"] = "1"
    if options["platform"]:
        query["platforms"] = [platform_document(platform) for platform in options["platform"]]
    errors: list[EngineError] = []
    for image in options.arguments:
        try:
            removed = session.engine.delete(f"/images/{image}", query)
        except EngineError as error:
            errors.append(error)
            continue
        session.output.write("".join(map(_line, removed or ())))
    if options["force"] and all(isinstance(error, NotFound) for error in errors):
        for missing in errors:
            session.warn(str(missing))
    else:
        fail_together(errors)
    return 0


def _line(removal: "dict[str, str]") -> str:
    return f"Deleted: {removal['Deleted']}\n" if removal.get("Deleted") else f"Untagged: {removal['Untagged']}\n"


REMOVE = Command(
    _run,
    "[OPTIONS] IMAGE [IMAGE...]",
    arguments=(1, UNLIMITED),
    flags=_flags,
    names=("image rm", "image remove", "rmi"),
)
