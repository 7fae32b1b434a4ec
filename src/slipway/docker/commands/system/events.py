"""docker events."""

import time

from slipway.docker.command import Command
from slipway.docker.commands.progress_stream import messages
from slipway.docker.options.filters import filter_query
from slipway.docker.options.flags import Flag, filters, text
from slipway.docker.options.shared_flags import inspect_format
from slipway.docker.output.templates import Template, TemplateError
from slipway.docker.output.timestamps import api_timestamp
from slipway.docker.session import CommandFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_BAD_TEMPLATE_STATUS = 64
_SECOND = 1_000_000_000


def _flags() -> list[Flag]:
    return [
        filters("Show only what these conditions allow"),
        inspect_format(short=""),
        text("since", "Show what happened since this time"),
        text("until", "Show what happens until this time"),
    ]


def _run(session: "Session", options: "Options") -> int:
    template = _template(options["format"])
    query = dict(filter_query(options["filter"]))
    query.update({flag: api_timestamp(options[flag], session.now) for flag in ("since", "until") if options[flag]})
    for event in messages(session.engine.stream("GET", "/events", query)):
        session.print(_line(event) if template is None else template.render(event))
    return 0


def _template(source: str) -> Template | None:
    if not source:
        return None
    try:
        return Template("{{json .}}" if source == "json" else source)
    except TemplateError as error:
        raise CommandFailed(f"Error parsing format: {error}", _BAD_TEMPLATE_STATUS) from error


def _line(event: "dict[str, Any]") -> str:
    """`TIME TYPE ACTION ID (attributes)`."""
    actor = event.get("Actor") or {}
    moment = event.get("timeNano") or event.get("time", 0) * _SECOND
    line = f"{_local(moment)} {event.get('Type', '')} {event.get('Action', '')} {actor.get('ID', '')}"
    attributes = actor.get("Attributes") or {}
    if attributes:
        line += f" ({', '.join(f'{name}={attributes[name]}' for name in sorted(attributes))})"
    return line


def _local(nanoseconds: int) -> str:
    """RFC 3339 in local time, always with nine digits of a second."""
    seconds, fraction = divmod(nanoseconds, _SECOND)
    moment = time.localtime(seconds)
    offset = time.strftime("%z", moment)
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}.{fraction:09d}{zone}"


EVENTS = Command(_run, "[OPTIONS]", flags=_flags, names=("system events", "events"))
