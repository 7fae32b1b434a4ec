"""docker exec."""

from slipway.base.errors import InternalError, Unavailable
from slipway.base.files import read_whole
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.containers import attaching
from slipway.docker.options import validation, variables
from slipway.docker.options.flags import Flag, boolean, text, texts
from slipway.docker.session import CommandFailed
from slipway.docker.terminal.attached import AttachedStreams, Detached
from slipway.docker.terminal.signals import SIGWINCH, SignalPipe, Terminated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_STATUS_UNKNOWN = 255  # as the original: the stream has ended, and with it, it seems, the daemon


def _flags() -> list[Flag]:
    return [
        boolean("detach", "Run the command in the background", short="d"),
        text("detach-keys", "Keys that detach from the command"),
        texts("env", "Set environment variables", short="e", convert=validation.environment_variable),
        texts("env-file", "Read environment variables from a file"),
        boolean("interactive", "Keep STDIN open, also while nobody is attached", short="i"),
        boolean("privileged", "Give the command all privileges"),
        boolean("tty", "Allocate a pseudo-TTY", short="t"),
        text("user", 'User name or UID (format: "<name|uid>[:<group|gid>]")', short="u"),
        text("workdir", "Working directory inside the container", short="w"),
    ]


def _run(session: "Session", options: "Options") -> int:
    name = options.arguments[0]
    request = _request(session, options)
    engine = session.engine
    engine.get(f"/containers/{name}/json")
    if not request["Detach"]:
        attaching.check_terminal(session, attach_input=request["AttachStdin"], is_terminal=request["Tty"])
    if request["Tty"]:
        request["ConsoleSize"] = list(session.output.size())
    exec_id = engine.post(f"/containers/{name}/exec", None, request)["Id"]
    if not exec_id:
        raise InternalError("exec ID empty")
    start: dict[str, Any] = {"Detach": request["Detach"], "Tty": request["Tty"]}
    if "ConsoleSize" in request:
        start["ConsoleSize"] = request["ConsoleSize"]
    if request["Detach"]:
        engine.post(f"/exec/{exec_id}/start", None, start)
        return 0
    return _run_attached(session, exec_id, request, start)


def _request(session: "Session", options: "Options") -> "dict[str, Any]":
    files = variables.lines_of_files(options["env-file"], read_whole, session.environment)
    is_attached = not options["detach"]
    keys = attaching.detach_keys(session, options["detach-keys"])
    return {
        "User": options["user"],
        "Privileged": options["privileged"],
        "Tty": options["tty"],
        "AttachStdin": is_attached and options["interactive"],
        "AttachStderr": is_attached,
        "AttachStdout": is_attached,
        "Detach": options["detach"],
        "DetachKeys": keys,
        "Env": [*files, *variables.with_values(options["env"], session.environment)] or None,
        "WorkingDir": options["workdir"],
        "Cmd": options.arguments[1:],
    }


def _run_attached(session: "Session", exec_id: str, request: "dict[str, Any]", start: "dict[str, Any]") -> int:
    stream = session.engine.hijack(f"/exec/{exec_id}/start", None, start)
    attachment = AttachedStreams(
        session,
        stream,
        attach_input=request["AttachStdin"],
        is_terminal=request["Tty"],
        detach_keys=request["DetachKeys"],
    )
    signals = None
    if request["Tty"] and session.input.is_terminal:
        signals = attachment.signals = SignalPipe([SIGWINCH])
        attaching.watch_size(session, attachment, f"/exec/{exec_id}/resize")
    try:
        attachment.copy()
    except Detached:
        raise CommandFailed("read escape sequence") from None
    except Terminated:
        return 0  # as the original: the command in the container runs on
    finally:
        if signals is not None:
            signals.close()
    try:
        return int(session.engine.get(f"/exec/{exec_id}/json")["ExitCode"])
    except Unavailable:
        return _STATUS_UNKNOWN


EXEC = Command(
    _run,
    "[OPTIONS] CONTAINER COMMAND [ARG...]",
    arguments=(2, UNLIMITED),
    flags=_flags,
    names=("container exec", "exec"),
    are_mixed=False,
)
