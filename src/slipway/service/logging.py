"""The daemons' log: one line per event on standard error, as the original Docker and containerd write it."""

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Final, TextIO

from slipway.base.errors import InvalidArgument
from slipway.base.timestamps import fixed_from_nanoseconds

LEVELS: Final[Mapping[str, int]] = {
    "trace": 5,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}
_LEVEL_NAMES: Final[Mapping[int, str]] = {
    5: "trace",
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
    logging.CRITICAL: "fatal",
}
# What makes logfmt quote a value: anything outside the characters that logrus leaves bare.
_BARE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+")


def start_logging(level: str = "info", *, style: str = "text", stream: TextIO | None = None) -> None:
    """Send every logger of this process to `stream` (default: standard error).

    `level` is a word of LEVELS; `style` is "text" (logfmt) or "json". Empty words are the defaults: the original
    dockerd writes such into its containerd's configuration. Fields go in `extra={"fields": {...}}`. Raises
    InvalidArgument for an unknown level or style. Calling it again replaces what was set.
    """
    level, style = level or "info", style or "text"
    if level not in LEVELS:
        raise InvalidArgument(
            f"unknown log level {level!r}", hint="use trace, debug, info, warn, error, fatal or panic"
        )
    if style not in ("text", "json"):
        raise InvalidArgument(f"unknown log format {style!r}", hint="use text or json")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else LogfmtLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    # These tell of every frame, and of every client that went away: more lines than the daemon's own.
    for name in ("hpack", "asyncio"):
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))


class LogfmtLines(logging.Formatter):
    """time="2026-11-24T01:02:03.123456789Z" level=info msg="..." key=value"""

    def format(self, record: logging.LogRecord) -> str:
        parts = [
            f'time="{fixed_from_nanoseconds(_nanoseconds(record))}"',
            f"level={_level_name(record)}",
            f"msg={_quoted(record.getMessage())}",
        ]
        parts += [f"{key}={_quoted(str(value))}" for key, value in sorted(_fields(record).items())]
        if record.exc_info:
            parts.append(f"trace={_quoted(self.formatException(record.exc_info))}")
        return " ".join(parts)


class JsonLines(logging.Formatter):
    """One JSON object per line: level, msg, time, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {str(key): _plain(value) for key, value in _fields(record).items()}
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        entry["level"] = _level_name(record)
        entry["msg"] = record.getMessage()
        entry["time"] = fixed_from_nanoseconds(_nanoseconds(record))
        return json.dumps(entry)


def _nanoseconds(record: logging.LogRecord) -> int:
    return int(record.created * 1_000_000) * 1000 if record.created else time.time_ns()


def _level_name(record: logging.LogRecord) -> str:
    return _LEVEL_NAMES.get(record.levelno, record.levelname.lower())


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, Mapping) else {}


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def _quoted(text: str) -> str:
    if text and _BARE.issuperset(text):
        return text
    return json.dumps(text, ensure_ascii=False)
