"""docker image inspect."""

from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.inspecting import inspect_all
from slipway.docker.options.flags import Flag, text
from slipway.docker.options.platforms import platform_document
from slipway.docker.options.shared_flags import inspect_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [inspect_format(), text("platform", 'This platform\'s image, "os[/arch[/variant]]" (e.g., "linux/amd64")')]


def _run(session: "Session", options: "Options") -> int:
    query = {"platform": platform_document(options["platform"])} if options["platform"] else {}
    return inspect_all(
        session,
        options.arguments,
        options["format"],
        lambda name: session.engine.get_bytes(f"/images/{name}/json", query),
    )


INSPECT = Command(_run, "[OPTIONS] IMAGE [IMAGE...]", arguments=(1, UNLIMITED), flags=_flags)
