"""Archives from the daemon into a file or to standard output."""

import os

from slipway.base.errors import InvalidArgument
from slipway.base.files import unlink_if_present, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.docker.session import Session
    from slipway.transport.plain.http import Response


def save_stream(session: "Session", path: str, open_stream: "Callable[[], Response]", what: str) -> None:
    """Write the answer of `open_stream` to `path`, whole or not at all, or to standard output where that is no
    terminal.

    `what` completes the sentence for a path that cannot be written. Raises InvalidArgument.
    """
    if not path:
        if session.output.is_terminal:
            raise InvalidArgument("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        response = open_stream()
        while data := response.read():
            session.output.write_bytes(data)
        return
    temporary = _beside(path)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidArgument(f"failed to {what}: invalid output path: {path}: {reason}") from error
    try:
        try:
            response = open_stream()
            while data := response.read():
                write_all(descriptor, data)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except BaseException:
        unlink_if_present(temporary)
        raise


def _beside(path: str) -> str:
    """A name in the same directory: only there a rename is one step."""
    if os.path.isdir(path):
        raise InvalidArgument(f"invalid output path: {path} is a directory")
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.{os.getpid()}.tmp")
