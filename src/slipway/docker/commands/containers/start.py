"""docker start, alone or attached."""

from slipway.base.errors import EngineError, InvalidArgument
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.options.flags import Flag, boolean, text
from slipway.docker.session import CommandFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        boolean("attach", "Attach to STDOUT and STDERR, and forward signals", short="a"),
        text("checkpoint", is_hidden=True),
        text("checkpoint-dir", is_hidden=True),
        text("detach-keys", "Keys that detach from the container"),
        boolean("interactive", "Attach to STDIN too", short="i"),
    ]


def _run(session: "Session", options: "Options") -> int:
    if options["checkpoint"] or options["checkpoint-dir"]:
        raise InvalidArgument("starting from a checkpoint is not supported yet")
    if not (options["attach"] or options["interactive"]):
        return _start_all(session, options.arguments)
    if len(options.arguments) > 1:
        raise InvalidArgument("you cannot start and attach multiple containers at once")
    return _start_attached(session, options)


def _start_all(session: "Session", names: "list[str]") -> int:
    failed = []
    for name in names:
        try:
            session.engine.post(f"/containers/{name}/start")
        except EngineError as error:
            session.warn(str(error))
            failed.append(name)
            continue
        session.print(name)
    if failed:
        raise CommandFailed(f"Error: failed to start containers: {', '.join(failed)}")
    return 0


def _start_attached(session: "Session", options: "Options") -> int:
    from slipway.docker.commands.containers import attaching
    from slipway.docker.terminal.attached import Detached

    container = session.engine.get(f"/containers/{options.arguments[0]}/json")
    container_id, config = container["Id"], container["Config"]
    streams = {"stdin": options["interactive"] and config["OpenStdin"], "stdout": True, "stderr": True}
    keys = attaching.detach_keys(session, options["detach-keys"])
    attachment = attaching.open_attachment(session, container_id, streams, is_terminal=config["Tty"], keys=keys)
    signals = attaching.watch_signals(session, attachment, container_id, forward=not config["Tty"])
    try:
        condition = "removed" if container["HostConfig"]["AutoRemove"] else "next-exit"
        wait = attaching.open_wait(session.engine, container_id, condition)
        session.engine.post(f"/containers/{container_id}/start")
        if config["Tty"] and session.output.is_terminal:
            attaching.watch_size(session, attachment, f"/containers/{container_id}/resize")
        attachment.copy()
        return attaching.exit_status_of(session, wait)
    except Detached:
        return 0
    finally:
        attachment.leave_raw_mode()
        signals.close()


START = Command(
    _run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    arguments=(1, UNLIMITED),
    flags=_flags,
    names=("container start", "start"),
)
