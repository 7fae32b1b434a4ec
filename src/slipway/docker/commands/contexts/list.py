"""docker context ls."""

from slipway.docker.command import Command
from slipway.docker.options.flags import Flag
from slipway.docker.options.shared_flags import list_format, quiet
from slipway.docker.output.listing import render_listing
from slipway.docker.output.template_values import Row
from slipway.docker.output.text import ellipsis
from slipway.docker.settings.contexts import DEFAULT_NAME, Context, list_contexts
from slipway.docker.settings.endpoint import current_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_TABLE = "table {{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}"
_TITLES = {
    "Name": "NAME",
    "Description": "DESCRIPTION",
    "DockerEndpoint": "DOCKER ENDPOINT",
    "Error": "ERROR",
}
_DESCRIPTION_COLUMNS = 60
_DEFAULT_DESCRIPTION = "Current DOCKER_HOST based configuration"


def _flags() -> list[Flag]:
    return [list_format(), quiet("Show only context names")]


def _run(session: "Session", options: "Options") -> int:
    current = current_context(session.global_options, session.environment, session.config)
    host = session.environment.get("DOCKER_HOST", "") or "unix:///var/run/docker.sock"
    contexts = [Context(DEFAULT_NAME, host, _DEFAULT_DESCRIPTION), *list_contexts(session.config.directory)]
    source = options["format"]
    if source in ("", "table"):
        source = "{{.Name}}" if options["quiet"] else _TABLE
    rows = [_row(context, current) for context in sorted(contexts, key=lambda context: context.name)]
    session.output.write(render_listing(source, rows, _TITLES))
    if session.environment.get("DOCKER_HOST"):
        session.warn(
            "Warning: DOCKER_HOST environment variable overrides the active context. To use a context, either set the"
            " global --context flag, or unset DOCKER_HOST environment variable."
        )
    return 0


def _row(context: Context, current: str) -> Row:
    return Row(
        "*formatter.clientContextContext",
        {
            "Name": lambda: context.name,
            "Current": lambda: context.name == current,
            "Description": lambda: ellipsis(context.description, _DESCRIPTION_COLUMNS),
            "DockerEndpoint": lambda: context.host,
            "Error": lambda: "",
        },
    )


LIST = Command(_run, "[OPTIONS]", flags=_flags, names=("context ls", "context list"))
