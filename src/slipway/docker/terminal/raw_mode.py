"""Puts our terminal into raw mode for an interactive container, and back."""

import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INPUT, _OUTPUT, _CONTROL, _LOCAL, _CHARACTERS = 0, 1, 2, 3, 6


class RawTerminal:
    """A terminal in raw mode from `enter` to `leave`; both may be called again without harm."""

    __slots__ = ("_descriptor", "_saved")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._saved: list[Any] | None = None

    def enter(self) -> None:
        """As cfmakeraw(3): what the container's terminal has made of its output is not processed again."""
        if self._saved is not None:
            return
        saved = termios.tcgetattr(self._descriptor)
        mode = [*saved[:_CHARACTERS], list(saved[_CHARACTERS])]
        mode[_INPUT] &= ~(
            termios.IGNBRK
            | termios.BRKINT
            | termios.PARMRK
            | termios.ISTRIP
            | termios.INLCR
            | termios.IGNCR
            | termios.ICRNL
            | termios.IXON
        )
        mode[_OUTPUT] &= ~termios.OPOST
        mode[_LOCAL] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
        mode[_CONTROL] = mode[_CONTROL] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
        mode[_CHARACTERS][termios.VMIN] = 1
        mode[_CHARACTERS][termios.VTIME] = 0
        termios.tcsetattr(self._descriptor, termios.TCSANOW, mode)
        self._saved = saved

    def leave(self) -> None:
        if self._saved is not None:
            saved, self._saved = self._saved, None
            termios.tcsetattr(self._descriptor, termios.TCSANOW, saved)
