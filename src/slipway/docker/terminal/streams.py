"""Standard input, output and error as file descriptors: what is written is there at once, and terminals are asked
for their size.
"""

import os

from slipway.base.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.errors import EngineError

STDIN, STDOUT, STDERR = 0, 1, 2


class Output:
    """One of our output descriptors."""

    __slots__ = ("descriptor", "is_terminal")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_terminal = _is_terminal(descriptor)

    def write(self, text: str) -> None:
        self.write_bytes(text.encode("utf-8", "surrogateescape"))

    def write_line(self, text: str) -> None:
        self.write(f"{text}\n")

    def write_bytes(self, data: bytes) -> None:
        """Raises BrokenPipeError where the reader is gone: the program then ends, as by SIGPIPE.

        InternalError where what takes our output cannot (a full disk).
        """
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.descriptor, view) :]
            except BlockingIOError:  # someone made our shared terminal non-blocking
                _wait_writable(self.descriptor)
            except BrokenPipeError:
                raise
            except OSError as error:
                name = "stderr" if self.descriptor == STDERR else "stdout"
                raise InternalError(f"write /dev/{name}: {(error.strerror or '').lower()}") from error

    def size(self) -> tuple[int, int]:
        """Rows and columns, or (0, 0) where it is no terminal."""
        return terminal_size(self.descriptor) if self.is_terminal else (0, 0)


class Input:
    """Our standard input."""

    __slots__ = ("descriptor", "is_terminal")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_terminal = _is_terminal(descriptor)

    def check_usable(self, *, attach_input: bool, is_terminal_wanted: bool) -> "EngineError | None":
        """The error of `run -it` without a terminal: the container would get ours, and there is none."""
        from slipway.base.errors import InvalidArgument

        if is_terminal_wanted and attach_input and not self.is_terminal:
            return InvalidArgument("the input device is not a TTY")
        return None


def terminal_size(descriptor: int) -> tuple[int, int]:
    """(rows, columns) of the terminal; (0, 0) where it does not say."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        return 0, 0
    return rows, columns


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _wait_writable(descriptor: int) -> None:
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll()
