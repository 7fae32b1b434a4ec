"""docker version."""

import sys

from slipway.base.errors import EngineError
from slipway.docker.command import Command
from slipway.docker.options.flags import Flag
from slipway.docker.options.shared_flags import inspect_format
from slipway.docker.output.templates import Template, TemplateError
from slipway.docker.output.versions import version_text, with_readable_build_times
from slipway.docker.session import CommandFailed
from slipway.docker.settings.endpoint import current_context
from slipway.docker.version import BUILD, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_BAD_TEMPLATE_STATUS = 64


def _flags() -> list[Flag]:
    return [inspect_format()]


def _run(session: "Session", options: "Options") -> int:
    template = _template(options["format"])
    failure: EngineError | None = None
    server: dict[str, Any] | None = None
    try:
        server = with_readable_build_times(session.engine.get("/version"))
    except EngineError as error:
        failure = error
    client = _client(session)
    if template is None:
        session.output.write(version_text(client, server))
    else:
        session.output.write(_render(template, {"Client": client, "Server": server}))
    if failure is not None:
        raise failure
    return 0


def _template(source: str) -> Template | None:
    if not source:
        return None
    try:
        return Template("{{json .}}" if source == "json" else source)
    except TemplateError as error:
        raise CommandFailed(f"template parsing error: {error}", _BAD_TEMPLATE_STATUS) from error


def _render(template: Template, document: "dict[str, Any]") -> str:
    try:
        return template.render({name: _Side(side) if side else side for name, side in document.items()}) + "\n"
    except TemplateError as error:
        raise CommandFailed(str(error)) from error


class _Side(dict):  # type: ignore[type-arg]  # no typing at run time
    """Client or server as a template sees it: JSON's ApiVersion is called APIVersion there, as the original's field."""

    def __contains__(self, name: object) -> bool:
        return name == "APIVersion" or super().__contains__(name)

    def __missing__(self, name: str) -> object:
        return self["ApiVersion"]


def _client(session: "Session") -> "dict[str, Any]":
    import os

    from slipway.clients.dockerd.engine import NEWEST_VERSION

    machine = os.uname().machine
    try:
        version = session.engine.version
    except EngineError:
        version = NEWEST_VERSION
    return {
        "Version": VERSION,
        "ApiVersion": version,
        "DefaultAPIVersion": NEWEST_VERSION,
        "GitCommit": BUILD,
        "GoVersion": "python{}.{}.{}".format(*sys.version_info[:3]),
        "Os": "linux",
        "Arch": _ARCHITECTURES.get(machine, machine),
        "BuildTime": "",
        "Context": current_context(session.global_options, session.environment, session.config),
    }


SHOW = Command(_run, "[OPTIONS]", flags=_flags)
