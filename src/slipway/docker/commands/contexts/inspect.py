"""docker context inspect."""

from slipway.clients.dockerd.json_documents import format_json
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.inspecting import inspect_all
from slipway.docker.options.flags import Flag
from slipway.docker.options.shared_flags import inspect_format
from slipway.docker.settings.contexts import DEFAULT_NAME, load_context
from slipway.docker.settings.endpoint import current_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_IN_MEMORY = "<IN MEMORY>"


def _flags() -> list[Flag]:
    return [inspect_format()]


def _run(session: "Session", options: "Options") -> int:
    names = options.arguments or [current_context(session.global_options, session.environment, session.config)]
    return inspect_all(session, names, options["format"], lambda name: _document(session, name))


def _document(session: "Session", name: str) -> bytes:
    storage = {"MetadataPath": _IN_MEMORY, "TLSPath": _IN_MEMORY}
    if name == DEFAULT_NAME:
        host, skip_verify = session.environment.get("DOCKER_HOST", "") or "unix:///var/run/docker.sock", False
    else:
        context = load_context(session.config.directory, name)
        host, skip_verify = context.host, context.skip_verify
    return format_json(
        {
            "Name": name,
            "Metadata": {},
            "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": skip_verify}},
            "TLSMaterial": {},
            "Storage": storage,
        }
    )


INSPECT = Command(_run, "[OPTIONS] [CONTEXT] [CONTEXT...]", arguments=(0, UNLIMITED), flags=_flags)
