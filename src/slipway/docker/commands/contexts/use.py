"""docker context use."""

from slipway.docker.command import Command
from slipway.docker.settings.contexts import DEFAULT_NAME, load_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _run(session: "Session", options: "Options") -> int:
    name = options.arguments[0]
    config = session.config
    if name == DEFAULT_NAME:
        config.members.pop("currentContext", None)
    else:
        load_context(config.directory, name)
        config.members["currentContext"] = name
    config.save()
    session.print(name)
    session.warn(f'Current context is now "{name}"')
    if session.environment.get("DOCKER_HOST"):
        session.warn(
            "Warning: DOCKER_HOST environment variable overrides the active context. To use"
            f' "{name}", either set the global --context flag, or unset DOCKER_HOST environment variable.'
        )
    return 0


USE = Command(_run, "CONTEXT", arguments=(1, 1))
