"""One output stream of a container, from its pipe or terminal to a log file: all of it, however full the disk is.

The container never holds the file itself: it could read what others wrote there, and change it. While the disk takes
nothing, what was read is kept, nothing more is read, and the container's writes block, as on any full pipe.
"""

from __future__ import annotations

import errno
import os

from slipway.base.errors import EngineError
from slipway.shim.stdio.address import name_of_file
from slipway.transport.plain.loop import READABLE, Future, Loop, Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 64 * 1024

_SELDOM = 1.0  # seconds between looks whether the disk has room again


def open_log_file(path: str) -> int:
    """A descriptor that appends to the file, made with its folders if need be. Raises EngineError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        return os.open(path, flags, 0o644)  # a fifo that nobody reads is refused, not waited for
    except OSError as error:
        raise EngineError(f"open log file {path}: {(error.strerror or str(error)).lower()}") from error


class LogFile:
    """Owns `source` and the file's descriptor. Has the face of Output."""

    def __init__(self, loop: Loop, source: int, path: str, warn: Callable[[str], None], *, sink: int = -1) -> None:
        """`sink` is the file's descriptor where it is open already. Raises EngineError."""
        self._sink = sink if sink >= 0 else open_log_file(path)
        self._loop = loop
        self._source = source
        self._path = path
        self._warn = warn
        self._unsent = b""
        self._timer: Timer | None = None
        self._is_told = False
        self.finished: Future = loop.future()
        os.set_blocking(source, False)

    def relieve(self) -> None:
        """Until `begin`, let the runtime go on when it writes more than the pipe holds: it would never end."""
        self._loop.watch(self._source, READABLE, self._keep_first)

    def _keep_first(self, _events: int) -> None:
        data = os.read(self._source, CHUNK)
        if not data:
            self._loop.unwatch(self._source)
        self._unsent = (self._unsent + data)[:CHUNK]

    def begin(self) -> None:
        self._send()

    def give(self) -> tuple[int, int, str, bool] | None:
        """(source, sink, address, False), for another process; None while the disk is full, or at the end."""
        if self._unsent or self._sink < 0:
            return None
        return self._source, self._sink, name_of_file(self._path), False

    def is_read(self) -> bool:
        return self._sink >= 0

    def discard(self) -> None:
        """Close both ends now; what the disk did not take is lost."""
        if self._unsent:
            self._warn(f"write log file {self._path}: {len(self._unsent)} bytes are lost")
        self._close()

    def _source_ready(self, _events: int) -> None:
        try:
            data = os.read(self._source, CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal that nobody has open any more
                raise
            data = b""
        if data:
            self._unsent = data
            self._send()
        else:
            self._close()

    def _send(self) -> None:
        self._timer = None
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._sink, self._unsent) :]
        except OSError as error:
            self._loop.unwatch(self._source)
            self._timer = self._loop.call_later(_SELDOM, self._send)
            if not self._is_told:
                self._warn(f"write log file {self._path}: {(error.strerror or str(error)).lower()}; trying again")
            self._is_told = True
            return
        self._is_told = False
        self._loop.watch(self._source, READABLE, self._source_ready)

    def _close(self) -> None:
        if self._sink < 0:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._loop.unwatch(self._source)
        os.close(self._source)
        os.close(self._sink)
        self._sink = -1
        self.finished.resolve()
