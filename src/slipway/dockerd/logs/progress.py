"""How far a log and the fifos that it is made of have come: what a killed dockerd leaves to the next one.

Lines go to the log first, and are taken out of their fifo then. Killed in between, the next dockerd must know which it
was: with nothing but the log and the fifo it could only write those lines twice, or lose them. One file tells:

    0   a mark: the append that is next or last, what of the fifo it stands for, and where the taking will have come to
    64  the bytes that were taken, as many as they are: they are never read, their number counts

The mark is written before the append, by one write. The taking is a splice(2) from the fifo into this file: the kernel
takes bytes out of the one and lengthens the other in one system call, which SIGKILL does not cut in two (a write to a
file stops between pages, and what it did not write is not taken). So the file's size is exact at every moment.
"""

import logging
import os
import struct
from contextlib import suppress
from typing import Final, NamedTuple

from slipway.base.files import unlink_if_present
from slipway.dockerd.logs.model import Append

log = logging.getLogger(__name__)

HEADER: Final = 64
LIMIT: Final = 256 * 1024  # bytes taken before the file is made short again
_STREAMS: Final = ("stdout", "stderr")
_MARK: Final = struct.Struct("<QQQQQQ")
_NOTHING: Final = bytes(_MARK.size)


class _Mark(NamedTuple):
    """`before` and `after` are sizes of the log, `taken_*` counts of bytes taken; `stream` counts from 1."""

    stream: int
    inode: int
    before: int
    after: int
    taken_before: int
    taken_after: int


class Progress:
    """Of one container's log. Used by one thread at a time."""

    def __init__(self, path: str) -> None:
        """Goes on with what an earlier dockerd has left at `path`; the file is made when it is first needed."""
        self._path = path
        self._descriptor = -1
        self._taken = 0
        self._is_broken = False

    def forget(self) -> None:
        """The fifos are new ones: what is at `path` is of others."""
        unlink_if_present(self._path)

    def will_append(self, stream: str, appended: int, append: Append) -> None:
        """To be called before each append; `appended` bytes of the fifo's head are in the log already."""
        if self._is_broken:
            return
        try:
            self._open()
            mark = _Mark(
                stream=_STREAMS.index(stream) + 1,
                inode=append.inode,
                before=append.before,
                after=append.after,
                taken_before=self._taken + appended,
                taken_after=self._taken + append.source,
            )
            os.pwrite(self._descriptor, _MARK.pack(*mark), 0)
        except OSError as error:
            self._give_up(error)

    def take(self, fifo: int, size: int) -> None:
        """Take `size` bytes, which are there, out of a fifo. Raises OSError when it cannot be read."""
        left = size
        try:
            while left and not self._is_broken:
                self._open()
                moved = os.splice(
                    fifo, self._descriptor, left, offset_dst=HEADER + self._taken, flags=os.SPLICE_F_NONBLOCK
                )
                if not moved:
                    return
                self._taken += moved
                left -= moved
            if self._taken > LIMIT and not self._is_broken:
                self._shorten()
        except BlockingIOError:
            return
        except OSError as error:
            self._give_up(error)
        if left:
            read_exactly(fifo, left)

    def close(self) -> None:
        """Idempotent; what is in the file stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _open(self) -> None:
        if self._descriptor < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._path, flags, 0o600)
            self._taken = _taken(os.fstat(self._descriptor).st_size)

    def _shorten(self) -> None:
        """Counts begin anew: first no mark may refer to the old ones any more."""
        os.pwrite(self._descriptor, _NOTHING, 0)
        os.ftruncate(self._descriptor, HEADER)
        self._taken = 0

    def _give_up(self, error: OSError) -> None:
        """No room, say: from now on a kill may repeat lines, which is better than to stop the container."""
        log.warning("cannot keep how far a log is", extra={"fields": {"path": self._path, "error": str(error)}})
        self._is_broken = True
        with suppress(OSError):
            os.truncate(self._path, 0)


def settle(path: str, log_path: str) -> dict[str, int]:
    """Make whole what a killed dockerd has left half done; how many bytes at the head of each fifo are in the log.

    What it had appended of its last entries without coming to their end is cut off: those are in the fifo still. A mark
    that no dockerd wrote is none.
    """
    try:
        with open(path, "rb") as file:
            mark = _Mark(*_MARK.unpack_from(file.read(HEADER)))
            taken = _taken(os.fstat(file.fileno()).st_size)
    except (FileNotFoundError, struct.error):
        return {}
    if mark.stream not in (1, 2) or not mark.taken_before <= mark.taken_after > taken:
        return {}
    if not _was_appended(mark, log_path):
        return {_STREAMS[mark.stream - 1]: max(0, mark.taken_before - taken)}
    return {_STREAMS[mark.stream - 1]: mark.taken_after - taken}


def _was_appended(mark: _Mark, log_path: str) -> bool:
    """Whether all of the marked entries are in the log, or were when it was rotated or cut short by somebody."""
    try:
        status = os.stat(log_path)
    except FileNotFoundError:
        return True
    if status.st_ino != mark.inode or not mark.before <= status.st_size < mark.after:
        return True
    os.truncate(log_path, mark.before)
    return False


def _taken(size: int) -> int:
    return max(0, size - HEADER)


def read_exactly(descriptor: int, size: int) -> bytes:
    """`size` bytes that are known to be in the pipe."""
    parts = []
    with suppress(BlockingIOError):
        while size and (part := os.read(descriptor, size)):
            parts.append(part)
            size -= len(part)
    return b"".join(parts)
