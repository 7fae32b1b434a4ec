"""docker info."""

from slipway.base.errors import EngineError
from slipway.docker.command import Command
from slipway.docker.options.flags import Flag
from slipway.docker.options.shared_flags import inspect_format
from slipway.docker.output.information import information_text
from slipway.docker.output.templates import Template, TemplateError
from slipway.docker.session import CommandFailed
from slipway.docker.settings.endpoint import current_context
from slipway.docker.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_BAD_TEMPLATE_STATUS = 64


def _flags() -> list[Flag]:
    return [inspect_format()]


def _run(session: "Session", options: "Options") -> int:
    client = {
        "Debug": session.global_options["debug"],
        "Version": VERSION,
        "Context": current_context(session.global_options, session.environment, session.config),
        "Plugins": [],
        "Warnings": None,
    }
    server: dict[str, Any] | None = None
    failure: EngineError | None = None
    try:
        server = session.engine.get("/info")
    except EngineError as error:
        failure = error
    if options["format"]:
        _print_formatted(session, options["format"], client, server, failure)
        return 0
    session.output.write(information_text(client, server))
    if failure is not None:
        session.warn(str(failure))
        raise CommandFailed("")
    for warning in (server or {}).get("Warnings") or ():
        session.warn(warning)
    return 0


def _print_formatted(
    session: "Session",
    source: str,
    client: "dict[str, Any]",
    server: "dict[str, Any] | None",
    failure: EngineError | None,
) -> None:
    document = {**(server or {}), "ClientInfo": client}
    if failure is not None:
        document["ServerErrors"] = [str(failure)]
    try:
        template = Template("{{json .}}" if source == "json" else source)
    except TemplateError as error:
        raise CommandFailed(f"template parsing error: {error}", _BAD_TEMPLATE_STATUS) from error
    try:
        session.print(template.render(document))
    except TemplateError as error:
        raise CommandFailed(str(error)) from error


INFO = Command(_run, "[OPTIONS]", flags=_flags, names=("system info", "info"))
