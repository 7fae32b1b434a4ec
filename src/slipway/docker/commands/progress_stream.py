"""Reads a daemon's stream of progress messages and shows it."""

from slipway.clients.dockerd.json_documents import parse_json
from slipway.docker.output.progress import ProgressDisplay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from slipway.docker.terminal.streams import Output
    from slipway.transport.plain.http import Response


def show_progress(
    response: "Response", output: "Output | None", on_aux: "Callable[[Any], None]" = lambda aux: None
) -> None:
    """Show the messages on `output` (None: on nothing). Raises InternalError where one says that the operation
    failed. `on_aux` gets what they carry beside what is shown.
    """
    is_terminal = output is not None and output.is_terminal
    columns = output.size()[1] if output is not None and is_terminal else 0
    display = ProgressDisplay(is_terminal=is_terminal, columns=columns)
    for message in messages(response):
        if isinstance(message, dict) and message.get("aux") is not None:
            on_aux(message["aux"])
        text = display.text_for(message)
        if output is not None and text:
            output.write(text)


def messages(response: "Response") -> "Iterator[Any]":
    """The JSON documents of a stream, one per line, as they come."""
    rest = b""
    while data := response.read():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if line.strip():
                yield parse_json(line)
    if rest.strip():
        yield parse_json(rest)
