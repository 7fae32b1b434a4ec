"""docker volume create."""

from slipway.docker.command import Command
from slipway.docker.options import validation, variables
from slipway.docker.options.flags import Flag, mapping, text, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        text("driver", "Driver of the volume", short="d", default="local"),
        texts("label", "Set labels on the volume", convert=validation.label),
        mapping("opt", "Options of the driver", short="o"),
        text("name", is_hidden=True),
    ]


def _run(session: "Session", options: "Options") -> int:
    request: dict[str, object] = {
        "Driver": options["driver"],
        "DriverOpts": dict(options["opt"]),
        "Labels": variables.pairs(options["label"]),
        "Name": options.arguments[0] if options.arguments else options["name"],
    }
    request = {name: value for name, value in request.items() if value}
    session.print(session.engine.post("/volumes/create", None, request)["Name"])
    return 0


CREATE = Command(_run, "[OPTIONS] [VOLUME]", arguments=(0, 1), flags=_flags)
