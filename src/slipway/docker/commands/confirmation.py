"""The question before something is removed for good."""

import os

from slipway.base.errors import Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.session import Session


def confirm(session: "Session", question: str, command: str) -> None:
    """Ask; raises Cancelled, which ends the command without a word, unless the answer is yes."""
    session.output.write(f"{question} [y/N] ")
    answer = b""
    while not answer.endswith(b"\n") and (piece := os.read(session.input.descriptor, 1)):
        answer += piece
    if answer.strip().lower() not in (b"y", b"yes"):
        raise Cancelled(f"{command} has been cancelled")
