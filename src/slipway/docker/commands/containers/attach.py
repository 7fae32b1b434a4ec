"""docker attach."""

from slipway.docker.command import Command
from slipway.docker.commands.containers import attaching
from slipway.docker.options.flags import Flag, boolean, text
from slipway.docker.session import CommandFailed
from slipway.docker.terminal.attached import Detached

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        text("detach-keys", "Keys that detach from the container"),
        boolean("no-stdin", "Leave STDIN alone"),
        boolean("sig-proxy", "Forward all signals to the process", default=True),
    ]


def _run(session: "Session", options: "Options") -> int:
    name = options.arguments[0]
    wait = attaching.open_wait(session.engine, name, "")
    config = attaching.running_container(session.engine, name)["Config"]
    attaching.check_terminal(session, attach_input=not options["no-stdin"], is_terminal=config["Tty"])
    streams = {"stdin": not options["no-stdin"] and config["OpenStdin"], "stdout": True, "stderr": True}
    keys = attaching.detach_keys(session, options["detach-keys"])
    attachment = attaching.open_attachment(session, name, streams, is_terminal=config["Tty"], keys=keys)
    attaching.running_container(session.engine, name)
    signals = attaching.watch_signals(session, attachment, name, forward=options["sig-proxy"] and not config["Tty"])
    try:
        if config["Tty"] and session.output.is_terminal:
            _make_program_redraw(session, name)
            attaching.watch_size(session, attachment, f"/containers/{name}/resize")
        attachment.copy()
        status, message = attaching.read_exit_status(wait)
    except Detached:
        raise CommandFailed("read escape sequence") from None
    finally:
        signals.close()
    if message:
        raise CommandFailed(message)
    return status


def _make_program_redraw(session: "Session", name: str) -> None:
    """Another size for a moment: only a change of size makes the program in the container draw its screen again."""
    rows, columns = session.output.size()
    if rows or columns:
        session.engine.post(f"/containers/{name}/resize", {"h": str(rows + 1), "w": str(columns + 1)})


ATTACH = Command(
    _run,
    "[OPTIONS] CONTAINER",
    arguments=(1, 1),
    flags=_flags,
    names=("container attach", "attach"),
)
