"""docker save."""

from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.saving import save_stream
from slipway.docker.options.flags import Flag, text
from slipway.docker.options.platforms import platform_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        text("output", "Write to a file, not to STDOUT", short="o"),
        text("platform", 'Save only this platform, "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    ]


def _run(session: "Session", options: "Options") -> int:
    query: dict[str, str | list[str]] = {"names": list(options.arguments)}
    if options["platform"]:
        query["platform"] = platform_document(options["platform"])
    save_stream(session, options["output"], lambda: session.engine.stream("GET", "/images/get", query), "save image")
    return 0


SAVE = Command(_run, "[OPTIONS] IMAGE [IMAGE...]", arguments=(1, UNLIMITED), flags=_flags, names=("image save", "save"))
