"""docker run: create, attach, wait, start, copy; its exit status is the program's."""

from slipway.base.errors import EngineError, InvalidArgument
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.containers.creation import (
    build_request,
    create_container,
    creation_flags,
    start_failure,
)
from slipway.docker.options.flags import boolean, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.flags import Flag
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_ATTACHMENTS = ("AttachStdin", "AttachStdout", "AttachStderr")


def _flags() -> "list[Flag]":
    return [
        *creation_flags("running"),
        boolean("detach", "Run the container in the background and print its ID", short="d"),
        text("detach-keys", "Keys that detach from the container"),
        boolean("sig-proxy", "Forward signals to the process", default=True),
    ]


def _run(session: "Session", options: "Options") -> int:
    request = build_request(session, options, "run")
    if options["detach"]:
        if options["attach"]:
            raise InvalidArgument("conflicting options: cannot specify both --attach and --detach")
        request.update(dict.fromkeys((*_ATTACHMENTS, "StdinOnce"), False))
    elif request["Tty"] and request["AttachStdin"] and not session.input.is_terminal:
        raise InvalidArgument("the input device is not a TTY")
    try:
        container_id = create_container(session, options, request)
    except EngineError as error:
        raise start_failure(error) from error
    if any(request[name] for name in _ATTACHMENTS):
        return _run_attached(session, options, request, container_id)
    _start_detached(session, options, container_id)
    return 0


def _start_detached(session: "Session", options: "Options", container_id: str) -> None:
    """The id is printed whether or not the start succeeds: the container exists."""
    session.print(container_id)
    wait = None
    try:
        if options["rm"]:
            from slipway.docker.commands.containers.attaching import open_wait

            wait = open_wait(session.engine, container_id, "removed")
        session.engine.post(f"/containers/{container_id}/start")
    except EngineError as error:
        if wait is not None:
            wait.read_all()
        raise start_failure(error) from error


def _run_attached(session: "Session", options: "Options", request: "dict[str, Any]", container_id: str) -> int:
    from slipway.docker.commands.containers import attaching
    from slipway.docker.terminal.attached import Detached

    streams = {name.removeprefix("Attach").lower(): bool(request[name]) for name in _ATTACHMENTS}
    keys = attaching.detach_keys(session, options["detach-keys"])
    attachment = attaching.open_attachment(session, container_id, streams, is_terminal=request["Tty"], keys=keys)
    signals = attaching.watch_signals(session, attachment, container_id, forward=options["sig-proxy"])
    try:
        wait = attaching.open_wait(session.engine, container_id, "removed" if options["rm"] else "next-exit")
        attachment.enter_raw_mode()
        _start(session, options, container_id, wait)
        if request["Tty"] and session.output.is_terminal:
            attaching.watch_size(session, attachment, f"/containers/{container_id}/resize")
        if not (streams["stdout"] or streams["stderr"]):
            attachment.status = wait
        attachment.copy()
        return attaching.exit_status_of(session, wait)
    except Detached:
        return 0
    finally:
        attachment.leave_raw_mode()
        signals.close()


def _start(session: "Session", options: "Options", container_id: str, wait: "Any") -> None:
    try:
        session.engine.post(f"/containers/{container_id}/start")
    except EngineError as error:
        if options["rm"]:
            wait.read_all()  # until it is gone
        raise start_failure(error) from error


RUN = Command(
    _run,
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    arguments=(1, UNLIMITED),
    flags=_flags,
    names=("container run", "run"),
    are_mixed=False,
)
