"""One program of the administrator's, run on a stream: what it is given, its bounds, its end and its last words."""

import os
import resource
import select
import signal
import threading
from contextlib import suppress
from typing import Final

from slipway.base.errors import Unavailable
from slipway.containerd.diff.stream_processors import StreamProcessor

MEDIA_TYPE_VARIABLE: Final = "STREAM_PROCESSOR_MEDIATYPE"
_PAYLOAD_DESCRIPTOR: Final = 3
_LAST_WORDS_SECONDS: Final = 1.0  # one that it started, and that left its group, may hold its standard error
_TOLD: Final = 2000  # bytes of its standard error, from the end
_PIECE: Final = 1 << 16
_LIMITS: Final = (
    (resource.RLIMIT_DATA, 2 << 30),  # bytes; generous for a program in Go, which takes 64 MiB at a time
    (resource.RLIMIT_NOFILE, 1024),
    (resource.RLIMIT_CORE, 0),
)
# Ended by us, or by the reader's end: no failure of its own.
_QUIET: Final = (-signal.SIGPIPE, -signal.SIGKILL)


class Program:
    """A running program, the leader of a process group. `output` is the descriptor of what it writes, the caller's."""

    def __init__(self, processor: StreamProcessor, media_type: str, source: int, payload: bytes | None) -> None:
        """Raises Unavailable when it cannot be executed. `source` stays the caller's."""
        self._processor = processor
        self._status: int | None = None
        self._errors = b""
        self._ending = threading.Lock()
        self.output, its_output = os.pipe2(os.O_CLOEXEC)
        errors, its_errors = os.pipe2(os.O_CLOEXEC)
        held = _memory_of(payload) if payload is not None else -1
        try:
            self._pid = _spawn(processor, media_type, (source, its_output, its_errors), held)
        except OSError as error:
            os.close(self.output)
            os.close(errors)
            raise Unavailable(f"stream processor {processor.id}: {processor.path}: {error.strerror}") from error
        finally:
            for descriptor in (its_output, its_errors, held):
                if descriptor >= 0:
                    os.close(descriptor)
        for limit, value in _LIMITS:
            resource.prlimit(self._pid, limit, (value, value))  # it is ours, and not waited for: it is there
        self._reader = threading.Thread(target=self._read_errors, args=(errors,), name="stream processor", daemon=True)
        self._reader.start()

    def end(self, seconds: float) -> None:
        """Wait so long for its end, then kill it with all that it has started."""
        descriptor = os.pidfd_open(self._pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(seconds * 1000):
                self.kill()
        finally:
            os.close(descriptor)
        with self._ending:
            os.killpg(self._pid, signal.SIGKILL)  # what it leaves behind holds its pipes
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._reader.join(_LAST_WORDS_SECONDS)

    def kill(self) -> None:
        """From any thread."""
        with self._ending:
            if self._status is None:
                os.killpg(self._pid, signal.SIGKILL)

    def failure(self, *, quiet: bool) -> str:
        """How it failed; empty if it did not. `quiet`: it was not to live to its end, so that its death is none."""
        status = self._status
        assert status is not None  # `end` comes first
        if not status or (quiet and status in _QUIET):
            return ""
        words = self._errors.decode("utf-8", "replace").strip()
        how = f"exit status {status}" if status > 0 else signal.strsignal(-status)
        return f"stream processor {self._processor.id}: {how}{': ' if words else ''}{words}"

    def _read_errors(self, descriptor: int) -> None:
        """Keep the end of what it writes there, until its last writer has ended."""
        with suppress(OSError):
            while piece := os.read(descriptor, _PIECE):
                self._errors = (self._errors + piece)[-_TOLD:]
        os.close(descriptor)


def _spawn(processor: StreamProcessor, media_type: str, stdio: tuple[int, int, int], payload: int) -> int:
    """Its pid. Raises OSError. Every other descriptor of this process is closed in it."""
    actions = [(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(stdio)]
    if payload >= 0:
        actions.append((os.POSIX_SPAWN_DUP2, payload, _PAYLOAD_DESCRIPTOR))
    configured = dict(entry.partition("=")[::2] for entry in processor.env)
    environment = {"PATH": os.environ.get("PATH", os.defpath), **configured, MEDIA_TYPE_VARIABLE: media_type}
    return os.posix_spawnp(
        processor.path,
        [processor.path, *processor.args],
        environment,
        file_actions=actions,
        setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # every Python process ignores them
        setsigmask=(),
        setpgroup=0,
    )


def _memory_of(payload: bytes) -> int:
    """A descriptor at the beginning of these bytes."""
    descriptor = os.memfd_create("payload", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(payload)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
