"""The shim's own log: lines for containerd, which reads the fifo `log` of the bundle and copies it to its own log."""

from __future__ import annotations

import os
import time

from slipway.base import json_text

_LINE = 4000  # below PIPE_BUF, so that lines do not mix


class Log:
    """Opens the fifo anew for each line: containerd may have gone and come back. What nobody reads is lost."""

    __slots__ = ("bundle",)

    def __init__(self) -> None:
        self.bundle = ""

    def warning(self, message: str) -> None:
        self._write("warning", message)

    def error(self, message: str) -> None:
        self._write("error", message)

    def failure(self, error: BaseException) -> None:
        """An error that nobody expected: with the place where it was raised."""
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f" at {place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else ""
        self.error(f"{type(error).__name__}: {error}{where}")

    def _write(self, level: str, message: str) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = f'time="{now}" level={level} msg={json_text.dumps(message[:_LINE])} runtime=io.containerd.runc.v2\n'
        try:
            descriptor = os.open(f"{self.bundle}/log", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        try:
            os.write(descriptor, line.encode())
        except OSError:
            return
        finally:
            os.close(descriptor)
