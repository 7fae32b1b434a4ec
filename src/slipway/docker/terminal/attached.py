"""Joins our terminal to a container's streams: one poll() over input, output, the exit status and signals.

No threads: they would cost a start-up of 2 ms, and signals reach only the main one.
"""

import os
import select

from slipway.base.errors import EngineError, InternalError, Unavailable
from slipway.docker.session import CommandFailed
from slipway.docker.terminal.detach_keys import DEFAULT_SEQUENCE, DetachFilter, sequence_from_text
from slipway.docker.terminal.raw_mode import RawTerminal
from slipway.docker.terminal.signals import SIGWINCH, TERMINATION
from slipway.wire.stdcopy import STDERR, STDOUT, SYSTEM_ERROR, Demultiplexer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.docker.session import Session
    from slipway.docker.terminal.signals import SignalPipe
    from slipway.docker.terminal.streams import Output
    from slipway.transport.plain.http import Response

_READ_SIZE = 32 * 1024
_RESIZE_ATTEMPTS = 10
_PATIENCE = 3  # interrupts that a container may ignore before we leave it
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR


class Detached(Exception):
    """The detach keys were typed; the container runs on."""


class AttachedStreams:
    """One attachment. `copy` runs it; before, set what it shall watch besides the streams.

    `is_terminal` says that the container has a terminal: then output is one raw stream, and our own terminal goes raw.
    """

    def __init__(
        self,
        session: "Session",
        stream: "Response",
        *,
        attach_input: bool,
        attach_output: bool = True,
        attach_error: bool = True,
        is_terminal: bool = False,
        detach_keys: str = "",
    ) -> None:
        self._session = session
        self._stream = stream
        self._is_terminal = is_terminal
        self._attach_output = attach_output
        self._attach_error = attach_error
        self._input_descriptor = session.input.descriptor if attach_input else -1
        self._unsent = memoryview(b"")
        self._demultiplexer = None if is_terminal else Demultiplexer()
        self._raw = RawTerminal(session.input.descriptor)
        self._uses_raw = is_terminal and attach_input and session.input.is_terminal
        self._filter = DetachFilter(_sequence(session, detach_keys)) if is_terminal and attach_input else None
        self._is_output_open = attach_output or attach_error
        self._resize_attempts = 0
        self._terminations = 0
        self.status: Response | None = None  # watched: its body is the exit status
        self.signals: SignalPipe | None = None
        self.forward: Callable[[int], None] | None = None
        self.resize: Callable[[int, int], None] | None = None

    def enter_raw_mode(self) -> None:
        if self._uses_raw:
            self._raw.enter()

    def leave_raw_mode(self) -> None:
        self._raw.leave()

    def copy(self) -> None:
        """Copy until the container's output ends (or, where none is attached, until input or the container ends).

        Raises Detached, or the error that broke the stream. The terminal is as before afterwards.
        """
        try:
            self.enter_raw_mode()
            if self._input_descriptor < 0:
                self._stream.close_writing()
                if not self._is_output_open and self.status is None:
                    return
            if self.resize is not None:
                self._resize()
            while not self._step():
                pass
        finally:
            self.leave_raw_mode()

    def _step(self) -> bool:
        """One round of poll; True when the attachment is over."""
        poll = select.poll()
        if self._is_output_open:
            poll.register(self._stream.fileno(), select.POLLIN | (select.POLLOUT if self._unsent else 0))
        elif self._unsent:
            poll.register(self._stream.fileno(), select.POLLOUT)
        if self._input_descriptor >= 0 and not self._unsent:
            poll.register(self._input_descriptor, select.POLLIN)
        if self.status is not None and not self._is_output_open:
            poll.register(self.status.fileno(), select.POLLIN)
        if self.signals is not None:
            poll.register(self.signals.fileno(), select.POLLIN)
        timeout = 10 * self._resize_attempts if 0 < self._resize_attempts < _RESIZE_ATTEMPTS else None
        if self._stream.has_buffered:
            timeout = 0
        ready = dict(poll.poll(timeout))
        if not ready and self._resize_attempts:
            self._resize()
        return self._serve(ready)

    def _serve(self, ready: "dict[int, int]") -> bool:
        if self.signals is not None and self.signals.fileno() in ready:
            self._take_signals(self.signals.take())
        events = ready.get(self._stream.fileno(), 0)
        if self._unsent and events & (select.POLLOUT | select.POLLERR):
            self._send_unsent()
        if self._is_output_open and (events & _READABLE or self._stream.has_buffered) and not self._take_output():
            return True
        if self._input_descriptor >= 0 and self._input_descriptor in ready:
            self._take_input()
            if self._input_descriptor < 0 and not self._is_output_open and self.status is None:
                return True
        return self.status is not None and self.status.fileno() in ready

    def _take_output(self) -> bool:
        """False at the end of the container's output."""
        try:
            data = self._stream.read_once()
        except Unavailable:
            return False  # reset by the daemon's end: the exit status tells the rest
        if not data:
            return not self._stream.is_complete
        if self._demultiplexer is None:
            self._show(self._session.output, data)
            return True
        for stream, piece in self._demultiplexer.feed(data):
            if stream == STDOUT and self._attach_output:
                self._show(self._session.output, piece)
            elif stream == STDERR and self._attach_error:
                self._show(self._session.error_output, piece)
            elif stream == SYSTEM_ERROR:
                raise InternalError(f"error from daemon in stream: {piece.decode('utf-8', 'replace')}")
        return True

    def _show(self, output: "Output", data: bytes) -> None:
        """Who forwards all signals to the program takes SIGPIPE, too, and says what happened: as the original."""
        try:
            output.write_bytes(data)
        except BrokenPipeError:
            if self.forward is None:
                raise
            name = "stdout" if output is self._session.output else "stderr"
            raise InternalError(f"write /dev/{name}: broken pipe") from None

    def _take_input(self) -> None:
        try:
            data = os.read(self._input_descriptor, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # closed, or our terminal hung up
        if not data:
            self._input_descriptor = -1
            self._stream.close_writing()
            return
        if self._filter is not None:
            data = self._filter.feed(data)
        self._unsent = memoryview(data)
        self._send_unsent()
        if self._filter is not None and self._filter.is_detached:
            raise Detached

    def _send_unsent(self) -> None:
        try:
            self._unsent = self._unsent[self._stream.write_some(self._unsent) :]
        except Unavailable:
            self._unsent = memoryview(b"")
            self._input_descriptor = -1  # nobody reads any more; what was written still comes out

    def _take_signals(self, numbers: list[int]) -> None:
        for number in numbers:
            if number == SIGWINCH:
                self._resize()
                continue
            if self.forward is not None:
                self.forward(number)
            self._terminations += number in TERMINATION
            if self._terminations == _PATIENCE:
                raise CommandFailed(f"\ngot {_PATIENCE} SIGTERM/SIGINTs, forcefully exiting")

    def _resize(self) -> None:
        """Tell the container our terminal's size; while it is not there yet, try again a little later."""
        rows, columns = self._session.output.size()
        if self.resize is None or not (rows or columns):
            return
        try:
            self.resize(rows, columns)
            self._resize_attempts = 0
        except EngineError:
            self._resize_attempts += 1
            if self._resize_attempts == _RESIZE_ATTEMPTS:
                self._resize_attempts = 0
                self._session.warn("failed to resize tty, using default size")


def _sequence(session: "Session", keys: str) -> bytes:
    if not keys:
        return DEFAULT_SEQUENCE
    try:
        return sequence_from_text(keys)
    except ValueError as error:
        session.warn(f"invalid detach escape keys, using default: {error}")
        return DEFAULT_SEQUENCE
