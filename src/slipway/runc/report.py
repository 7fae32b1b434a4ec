"""Errors as the callers of the original read them: its words, its log formats."""

import os
import time

from slipway.base import json_text
from slipway.base.errors import EngineError

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+")
_LONGEST = 8 * 1024  # characters: at four bytes each, half of a pipe (pipe(7))


def words_of(error: BaseException) -> str:
    """One line: an OSError says its operand and the kernel's reason in lower case, as Go programs do."""
    if isinstance(error, OSError) and error.errno:
        reason = error.strerror or os.strerror(error.errno)
        reason = reason[:1].lower() + reason[1:]
        return f"{error.filename}: {reason}" if error.filename not in (None, "") else reason
    if isinstance(error, EngineError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def shortened(message: str) -> str:
    """The beginning and the end, where the cause stands, of what is too long."""
    if len(message) <= _LONGEST:
        return message
    return f"{message[: _LONGEST // 2]} ... {message[-_LONGEST // 2 :]}"


class Log:
    """Where --log and --log-format send what happens. Without --log it is standard error."""

    __slots__ = ("_debug", "_json", "_path")

    def __init__(self, path: str, json: bool, debug: bool) -> None:
        """Raises OSError if there is nothing that could be written to at `path`."""
        self._path = path
        self._json = json
        self._debug = debug
        if path:
            os.close(_open(path))  # kept open, it would count among the descriptors that a container is handed

    @classmethod
    def standard_error(cls) -> "Log":
        return cls("", json=False, debug=False)

    def error(self, message: str) -> None:
        """The last word of a failed command; a copy goes to standard error when the log is elsewhere.

        It may quote what the specification says, at any length. Standard error may be a pipe that nobody reads before
        we end.
        """
        message = shortened(message)
        self._write("error", message)
        if self._path:
            write_quietly(2, message + "\n")

    def warning(self, message: str) -> None:
        self._write("warning", message)

    @property
    def tells_all(self) -> bool:
        """Whether --debug was given: else nobody need find words for `debug`."""
        return self._debug

    def debug(self, message: str) -> None:
        if self._debug:
            self._write("debug", message)

    def _write(self, level: str, message: str) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self._json:
            line = json_text.dumps({"level": level, "msg": message, "time": now})
        else:
            line = f'time="{now}" level={level} msg={_quoted(message)}'
        if not self._path:
            write_quietly(2, line + "\n")
            return
        try:
            descriptor = _open(self._path)
        except OSError:
            write_quietly(2, line + "\n")
            return
        write_quietly(descriptor, line + "\n")
        os.close(descriptor)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"open {path}") from None


def _quoted(message: str) -> str:
    """As logrus writes values: bare where nothing in them could be misread."""
    if message and _BARE.issuperset(message):
        return message
    return json_text.dumps(message)


def write_quietly(descriptor: int, text: str) -> None:
    """Write what may be lost: there is nobody left to tell."""
    try:
        os.write(descriptor, text.encode("utf-8", "replace"))
    except OSError:
        return
