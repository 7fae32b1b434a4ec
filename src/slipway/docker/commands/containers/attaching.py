"""What run, start, attach and exec have in common: opening the stream, signals, terminal size, the exit status."""

from slipway.base.errors import EngineError, InvalidArgument
from slipway.docker.terminal.attached import AttachedStreams
from slipway.docker.terminal.signals import NAMES, SIGWINCH, TERMINATION, SignalPipe, forwardable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.clients.dockerd.engine import Engine
    from slipway.docker.session import Session
    from slipway.transport.plain.http import Response

_ENGINE_FAILURE = 125


def check_terminal(session: "Session", *, attach_input: bool, is_terminal: bool) -> None:
    """Raise InvalidArgument where the container's terminal would be ours, and we have none."""
    error = session.input.check_usable(attach_input=attach_input, is_terminal_wanted=is_terminal)
    if error is not None:
        raise error


def detach_keys(session: "Session", given: str) -> str:
    return given or session.config.text("detachKeys")


def open_attachment(
    session: "Session", container_id: str, streams: "dict[str, bool]", *, is_terminal: bool, keys: str
) -> AttachedStreams:
    """Attach to `stdin`, `stdout` and `stderr` of a container, as far as `streams` says so."""
    query = {name: "1" for name, wanted in streams.items() if wanted}
    query["stream"] = "1"
    if keys:
        query["detachKeys"] = keys
    stream = session.engine.hijack(f"/containers/{container_id}/attach", query)
    return AttachedStreams(
        session,
        stream,
        attach_input=streams["stdin"],
        attach_output=streams["stdout"],
        attach_error=streams["stderr"],
        is_terminal=is_terminal,
        detach_keys=keys,
    )


def open_wait(engine: "Engine", container_id: str, condition: str) -> "Response":
    """Begin to wait for the container's end; the daemon answers with the head at once, and the body then."""
    query = {"condition": condition} if condition else {}
    return engine.begin("POST", f"/containers/{container_id}/wait", query).wait_response()


def read_exit_status(response: "Response") -> "tuple[int, str]":
    """Wait for the end: (exit status, the daemon's error message or "")."""
    from slipway.clients.dockerd.json_documents import parse_json

    document: Any = parse_json(response.read_all())
    response.close()
    error = document.get("Error") or {}
    return int(document.get("StatusCode", 0)), str(error.get("Message", ""))


def exit_status_of(session: "Session", response: "Response") -> int:
    """The program's status; 125, with a sentence, where the daemon cannot tell it or has died meanwhile."""
    try:
        status, message = read_exit_status(response)
    except EngineError as error:
        session.warn(f"error waiting for container: {error}")
        return _ENGINE_FAILURE
    if message:
        session.warn(f"Error waiting for container: {message}")
        return _ENGINE_FAILURE
    return status


def watch_signals(session: "Session", attachment: AttachedStreams, container_id: str, *, forward: bool) -> SignalPipe:
    """Forward our signals to the container while attached; the caller closes the pipe."""
    numbers = [*(forwardable() if forward else TERMINATION), SIGWINCH]
    pipe = SignalPipe(numbers)
    attachment.signals = pipe
    if forward:
        attachment.forward = lambda number: _kill(session.engine, container_id, number)
    return pipe


def watch_size(session: "Session", attachment: AttachedStreams, path: str) -> None:
    """Keep the container's terminal as large as ours; `path` is the API's resize of container or exec."""

    def resize(rows: int, columns: int) -> None:
        session.engine.post(path, {"h": str(rows), "w": str(columns)})

    attachment.resize = resize


def _kill(engine: "Engine", container_id: str, number: int) -> None:
    try:
        engine.post(f"/containers/{container_id}/kill", {"signal": NAMES[number]})
    except EngineError:
        return  # it may be over already; its exit status will say


def running_container(engine: "Engine", name: str) -> "Any":
    """The inspected container; raises InvalidArgument where it cannot be attached to."""
    container = engine.get(f"/containers/{name}/json")
    state = container["State"]
    if not state["Running"]:
        raise InvalidArgument("You cannot attach to a stopped container, start it first")
    if state["Paused"]:
        raise InvalidArgument("You cannot attach to a paused container, unpause it first")
    if state["Restarting"]:
        raise InvalidArgument("You cannot attach to a restarting container, wait until it is running")
    return container
