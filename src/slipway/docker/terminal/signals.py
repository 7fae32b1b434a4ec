"""Signals as bytes on a pipe, so that one poll() waits for them, the terminal and the daemon alike.

`_signal` is the C part of `signal`, whose Python part imports enum.
"""

import _signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SIGWINCH = _signal.SIGWINCH
TERMINATION = (_signal.SIGINT, _signal.SIGTERM)
# Not forwarded: what cannot be caught, what is about our own children and pipes, and what faults of ours raise.
_OWN = {"KILL", "STOP", "CHLD", "CLD", "PIPE", "SEGV", "BUS", "FPE", "ILL", "TRAP", "SYS", "ABRT", "IOT"}
NAMES = {
    number: name[3:]
    for name, number in sorted(vars(_signal).items(), reverse=True)
    if name.startswith("SIG") and name[3:].isalnum() and name[3:].isupper() and isinstance(number, int)
}


def forwardable() -> "list[int]":
    """What `--sig-proxy` hands on to the container."""
    return [
        number
        for number, name in NAMES.items()
        if name not in _OWN and not name.startswith("RT") and number != SIGWINCH
    ]


class SignalPipe:
    """While open, the given signals do not end us: their numbers are read from `fileno()`. `close` puts all back."""

    __slots__ = ("_previous", "_previous_wakeup", "_reader", "_writer")

    def __init__(self, numbers: "Iterable[int]") -> None:
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._previous_wakeup = _signal.set_wakeup_fd(self._writer)
        self._previous = {number: _signal.signal(number, _ignore) for number in numbers}

    def fileno(self) -> int:
        return self._reader

    def take(self) -> list[int]:
        """The signals that came since the last call."""
        try:
            return list(os.read(self._reader, 512))
        except BlockingIOError:
            return []

    def close(self) -> None:
        for number, handler in self._previous.items():
            _signal.signal(number, _signal.SIG_DFL if handler is None else handler)
        _signal.set_wakeup_fd(self._previous_wakeup)
        os.close(self._reader)
        os.close(self._writer)


def _ignore(_number: int, _frame: object) -> None:
    """The wake-up descriptor has the news."""


def end_by_signal(number: int) -> None:
    """End this process as if it had never caught the signal."""
    _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)


class Terminated(BaseException):
    """SIGINT or SIGTERM came while nobody watched a SignalPipe; the command is given up, and its clean-up runs."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def raise_on_termination() -> None:
    """From now on SIGINT and SIGTERM raise Terminated where the main thread is."""
    for number in TERMINATION:
        _signal.signal(number, _terminate)


def _terminate(number: int, _frame: object) -> None:
    raise Terminated(number)
