"""How a daemon's progress messages (pull, load, import) look: redrawn lines on a terminal, plain ones elsewhere.
Pure.
"""

from slipway.base.errors import InternalError
from slipway.docker.output.units import decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_BAR_LENGTH = 50
_WIDE_ENOUGH_FOR_BAR = 110


class ProgressDisplay:
    """Feed it one message after another; it gives the text to write. `columns` is the terminal's width, 0 for none."""

    __slots__ = ("_columns", "_is_terminal", "_lines")

    def __init__(self, *, is_terminal: bool, columns: int) -> None:
        self._is_terminal = is_terminal
        self._columns = columns or 200
        self._lines: dict[str, int] = {}

    def text_for(self, message: "Mapping[str, Any]") -> str:
        """Raises InternalError where the message says that the operation failed."""
        if message.get("aux") is not None:
            return ""
        error = message.get("errorDetail") or message.get("error")
        if error:
            raise InternalError(_error_text(error))
        identifier = message.get("id", "")
        if not (identifier and message.get("progressDetail") is not None):
            self._lines = {}
            return self._line(message)
        return self._on_own_line(identifier, self._line(message))

    def _on_own_line(self, identifier: str, line: str) -> str:
        """Each id keeps its line: go up to it, write, and come back down."""
        if not self._is_terminal:
            self._lines.setdefault(identifier, len(self._lines))
            return line
        start = ""
        if identifier not in self._lines:
            self._lines[identifier] = len(self._lines)
            start = "\n"
        distance = len(self._lines) - self._lines[identifier]
        return f"{start}\x1b[{distance}A{line}\x1b[{distance}B"

    def _line(self, message: "Mapping[str, Any]") -> str:
        detail = message.get("progressDetail")
        bar = self._bar(detail) if detail is not None else ""
        stream = message.get("stream", "")
        head = f"{message['id']}: " if message.get("id") else ""
        if self._is_terminal and not stream and detail is not None:
            return f"\x1b[2K\r{head}{message.get('status', '')} {bar}\r"
        if bar:
            return ""  # bytes counted up are of no use in a file
        return f"{head}{stream}" if stream else f"{head}{message.get('status', '')}\n"

    def _bar(self, detail: "Mapping[str, Any]") -> str:
        current, total = detail.get("current", 0), detail.get("total", 0)
        if current <= 0 and total <= 0:
            return ""
        units = detail.get("units", "")
        if total <= 0:
            return f"{current} {units}" if units else f"{decimal_size(current):>8}"
        filled = min(int(current / total * 100) // 2, _BAR_LENGTH)
        box = ""
        if self._columns > _WIDE_ENOUGH_FOR_BAR:
            box = f"[{'=' * filled}>{' ' * (_BAR_LENGTH - filled)}] "
        if detail.get("hidecounts"):
            return box
        if units:
            return f"{box}{current}/{total} {units}"
        numbers = f"{decimal_size(current):>8}"
        return f"{box}{numbers}" if current > total else f"{box}{numbers}/{decimal_size(total)}"


def _error_text(error: object) -> str:
    if isinstance(error, dict):
        if error.get("code") == 401:
            return "authentication is required"
        return str(error.get("message", ""))
    return str(error)
