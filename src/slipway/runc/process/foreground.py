"""Staying with a process until it ends: signals go to it, its terminal is ours, its status becomes ours."""

import _signal  # type: ignore[import-not-found]
import os
import select
import termios
import tty

from slipway.linux import pty, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from slipway.runc.process.notify import Notifier

_CHUNK = 65536
# Not to be forwarded: they are about this process, or cannot be caught.
_OWN = frozenset((_signal.SIGCHLD, _signal.SIGKILL, _signal.SIGSTOP, _signal.SIGWINCH, _signal.SIGURG))


def wait_in_foreground(pid: int, master: int = -1, notifier: "Notifier | None" = None) -> int:
    """Exit status of a child as a shell gives it (128 + signal). `master` is its terminal, or -1.

    `notifier` hands on that the child is ready.

    The caller holds signals back from before the program could run: none must hit this process instead of it.
    """
    _forward_signals(pid, master)
    signals.let_through()
    pidfd = os.pidfd_open(pid)
    saved = _enter_raw_mode() if master >= 0 else None
    try:
        if master >= 0 or notifier is not None:
            _copy(pidfd, master, notifier)
        status = os.waitpid(pid, 0)[1]
    finally:
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)  # hooks that come now are waited for by who starts them
        if saved is not None:
            _restore_mode(saved)
        os.close(pidfd)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _forward_signals(pid: int, master: int) -> None:
    def forward(number: int, _: "FrameType | None") -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    def resize(_: int, __: "FrameType | None") -> None:
        follow_size(master)

    def reap(_: int, __: "FrameType | None") -> None:
        _reap_all_but(pid)

    _signal.signal(_signal.SIGCHLD, reap)
    for number in _signal.valid_signals():
        if number not in _OWN and number < 32:
            _signal.signal(number, forward)
    if master >= 0:
        _signal.signal(_signal.SIGWINCH, resize)
        follow_size(master)


def _reap_all_but(pid: int) -> None:
    """We are a subreaper: who has lost their parent in a container without a PID namespace of its own is ours."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid == pid:
            return
        os.waitpid(ended.si_pid, 0)


def follow_size(master: int) -> None:
    """Give a container's terminal the size of ours, if we have one. The same size again is no signal to anyone."""
    try:
        pty.copy_size(0, master)
    except OSError:
        return


def _enter_raw_mode() -> "list[Any] | None":
    try:
        saved: list[Any] = termios.tcgetattr(0)
    except termios.error:
        return None
    tty.setraw(0)
    return saved


def _restore_mode(saved: "list[Any]") -> None:
    try:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)
    except termios.error:  # its window is closed
        return


def _copy(pidfd: int, master: int, notifier: "Notifier | None") -> None:
    """Until the process has ended and its last output is read."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    terminal = _Terminal(poll, master) if master >= 0 else None
    if notifier is not None:
        poll.register(notifier.descriptor, select.POLLIN)
    while True:
        ready = dict(poll.poll())
        if notifier is not None and notifier.descriptor in ready and _is_done(notifier):
            poll.unregister(notifier.descriptor)
        if terminal is not None and terminal.move(ready):
            continue  # what a process has written before its end is still to be read
        if pidfd in ready:
            return


def _is_done(notifier: "Notifier") -> bool:
    """A service manager that does not listen gets nothing more."""
    try:
        return notifier.handle()
    except OSError:
        return True


class _Terminal:
    """Our standard input to the container's terminal, and what comes from there to our standard output.

    Neither direction waits for the other: a program that does not read can go on writing. What it writes when nobody
    reads our output any more is lost, and no reason for it to stop.
    """

    __slots__ = ("_is_heard", "_master", "_pending", "_poll", "_reads")

    def __init__(self, poll: select.poll, master: int) -> None:
        os.set_blocking(master, False)
        self._poll = poll
        self._master = master
        self._is_heard = True
        self._pending = b""  # typed, and not yet taken
        self._reads = {master, 0}
        poll.register(master, select.POLLIN)
        poll.register(0, select.POLLIN)

    def move(self, ready: dict[int, int]) -> bool:
        """Whether there was output."""
        events = ready.get(self._master, 0)
        has_output = bool(events & ~select.POLLOUT) and self._show()
        if events & select.POLLOUT:
            self._type()
        if 0 in ready and not self._pending:
            self._pending = self._read(0)
            self._type()
        return has_output

    def _show(self) -> bool:
        data = self._read(self._master)
        if self._is_heard:
            try:
                _write_whole(1, data)
            except OSError:
                self._is_heard = False
        return bool(data)

    def _type(self) -> None:
        """Without waiting; what is left over goes when the terminal takes it, and before anything else."""
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._master, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:
            self._pending = b""
            self._end(0)
        self._attend()

    def _read(self, source: int) -> bytes:
        """Empty at the end, and then this direction is over. A terminal whose other side is closed answers EIO."""
        try:
            data = os.read(source, _CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._end(source)
        return data

    def _end(self, source: int) -> None:
        self._reads.discard(source)
        self._attend()

    def _attend(self) -> None:
        """Ask only for what can be handled: an input that waits would wake us for ever."""
        wanted = {0: 0, self._master: select.POLLOUT if self._pending else 0}
        if self._master in self._reads:
            wanted[self._master] |= select.POLLIN
        if 0 in self._reads and not self._pending:
            wanted[0] |= select.POLLIN
        for descriptor, events in wanted.items():
            if events:
                self._poll.register(descriptor, events)
            else:
                _unregister(self._poll, descriptor)


def _unregister(poll: select.poll, descriptor: int) -> None:
    try:
        poll.unregister(descriptor)
    except KeyError:
        return


def _write_whole(target: int, data: bytes) -> None:
    """Also to what does not block: our standard output may be shared with a program that has set it so."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(target, select.POLLOUT)
            poll.poll()
