"""Unpacking in worker processes: kept for the next layer for a while, then ended. Blocks: call it from threads."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slipway.archive.extract import Whiteouts
from slipway.archive.unpack_messages import DESCRIPTOR_LIMIT, TAKEN, receive_reply, send_request
from slipway.base.errors import KINDS, Cancelled, InternalError, Unavailable
from slipway.base.interruption import Interruption

IDLE_SECONDS: Final = 5.0
_CODE: Final = "import sys; sys.path[:] = sys.argv[1].split(':'); from slipway.launch.unpack import main; main()"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`digest` and `size` (bytes) of the plain tar; `opaque`: directories that hide what is below them.

    `implied`: directories that no entry told of, and whose attributes those below say; told where none were given.
    """

    digest: str
    size: int
    entries: int
    opaque: tuple[str, ...]
    implied: tuple[str, ...]


class Unpackers:
    """At most `limit` workers at a time; who comes while all are busy waits."""

    def __init__(self, limit: int) -> None:
        self._free = threading.BoundedSemaphore(limit)
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()

    def unpack(
        self, archive: int, root: int, lower: Sequence[int], whiteouts: Whiteouts, interruption: Interruption
    ) -> Unpacked:
        """Unpack the archive behind a descriptor, from its position on, into the directory `root`.

        `lower`: directories of the layers below, nearest first. The descriptors stay the caller's. A failure leaves
        what was unpacked so far. Raises InvalidArgument (archive), PermissionDenied, Unavailable (disk, worker), and
        Cancelled when it was interrupted, which ends the worker.
        """
        descriptors = [archive, root, *lower][:DESCRIPTOR_LIMIT]
        with self._free:
            worker = self._take(whiteouts, descriptors)
            try:
                with interruption.ending(worker.kill):
                    reply = receive_reply(worker.channel)
            except BaseException as error:
                worker.end()
                if interruption.happened and isinstance(error, Unavailable):
                    raise Cancelled("unpack: nobody wants it any more") from error
                raise
            self._keep(worker)
        if "error" in reply:
            raise KINDS.get(reply["error"], InternalError)(reply["message"], reply["hint"])
        return Unpacked(
            reply["digest"], reply["size"], reply["entries"], tuple(reply["opaque"]), tuple(reply["implied"])
        )

    def close(self) -> None:
        """End the idle workers. Nothing may be unpacked meanwhile, or afterwards."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def _take(self, whiteouts: Whiteouts, descriptors: list[int]) -> "_Worker":
        """A worker that has begun: an idle one, or a new one where that has died."""
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is not None:
            if worker.begin(whiteouts, descriptors):
                return worker
            worker.end()
        worker = _Worker()
        if worker.begin(whiteouts, descriptors):
            return worker
        worker.end()
        raise Unavailable("unpack: the worker could not start", hint="its error is in the daemon's log")

    def _keep(self, worker: "_Worker") -> None:
        with self._lock:
            self._idle.append(worker)
        timer = threading.Timer(IDLE_SECONDS, self._retire, (worker, worker.served))
        timer.daemon = True
        timer.start()

    def _retire(self, worker: "_Worker", served: int) -> None:
        """End a worker that has had nothing to do since."""
        with self._lock:
            if worker not in self._idle or worker.served != served:
                return
            self._idle.remove(worker)
        worker.end()


class _Worker:
    """One process at the other end of a socket pair. Used by one thread at a time."""

    def __init__(self) -> None:
        self.served = 0
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        path = ":".join(entry for entry in sys.path if entry)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _CODE, path, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={},
                cwd="/",
            )
        except BaseException:
            self.channel.close()
            raise
        finally:
            theirs.close()

    def begin(self, whiteouts: Whiteouts, descriptors: list[int]) -> bool:
        """Hand over the work; False if the process is gone and has not touched anything."""
        self.served += 1
        try:
            send_request(self.channel, whiteouts, descriptors)
            return self.channel.recv(1) == TAKEN
        except (BrokenPipeError, ConnectionResetError):
            return False

    def kill(self) -> None:
        """In the middle of its work. It is not waited for: that is who ends it."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, 9)

    def end(self) -> None:
        """Close its channel, which ends it, and wait for it; one that is in the middle of something is killed."""
        self.channel.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, 9)
            self._process.wait()
