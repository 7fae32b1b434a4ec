"""docker logs."""

from slipway.base.errors import InternalError
from slipway.docker.command import Command
from slipway.docker.options.flags import Flag, boolean, text
from slipway.docker.output.timestamps import api_timestamp
from slipway.wire.stdcopy import STDERR, SYSTEM_ERROR, Demultiplexer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session
    from slipway.transport.plain.http import Response

_MOMENT = '(a time, e.g. "2013-01-02T13:23:37Z", or a span, e.g. "42m" for 42 minutes ago)'


def _flags() -> list[Flag]:
    return [
        boolean("details", "Show the extra attributes that the log has"),
        boolean("follow", "Go on with what is written from now on", short="f"),
        text("since", f"Show what was written since {_MOMENT}"),
        text("tail", "Number of lines to show from the end", short="n", default="all"),
        boolean("timestamps", "Show timestamps", short="t"),
        text("until", f"Show what was written before {_MOMENT}"),
    ]


def _run(session: "Session", options: "Options") -> int:
    container = session.engine.get(f"/containers/{options.arguments[0]}/json")
    query = {"stdout": "1", "stderr": "1", "tail": options["tail"]}
    query.update({flag: "1" for flag in ("follow", "timestamps", "details") if options[flag]})
    query.update({flag: api_timestamp(options[flag], session.now) for flag in ("since", "until") if options[flag]})
    response = session.engine.stream("GET", f"/containers/{container['Id']}/logs", query)
    if container["Config"]["Tty"]:
        while data := response.read():
            session.output.write_bytes(data)
    else:
        _copy_both(session, response)
    return 0


def _copy_both(session: "Session", response: "Response") -> None:
    demultiplexer = Demultiplexer()
    while data := response.read():
        for stream, piece in demultiplexer.feed(data):
            if stream == SYSTEM_ERROR:
                raise InternalError(f"error from daemon in stream: {piece.decode('utf-8', 'replace')}")
            (session.error_output if stream == STDERR else session.output).write_bytes(piece)


LOGS = Command(_run, "[OPTIONS] CONTAINER", arguments=(1, 1), flags=_flags, names=("container logs", "logs"))
