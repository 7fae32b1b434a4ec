"""Staying with a process until it ends: signals go to it, its terminal is ours, its status becomes ours."""

import _signal  # type: ignore[import-not-found]
import errno
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
        if saved is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
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

    for number in _signal.valid_signals():
        if number not in _OWN and number < 32:
            _signal.signal(number, forward)
    if master >= 0:
        _signal.signal(_signal.SIGWINCH, resize)
        follow_size(master)


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


def _copy(pidfd: int, master: int, notifier: "Notifier | None") -> None:
    """Until the process has ended and its last output is read."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    if master >= 0:
        poll.register(0, select.POLLIN)
        poll.register(master, select.POLLIN)
    if notifier is not None:
        poll.register(notifier.descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if notifier is not None and notifier.descriptor in ready and notifier.handle():
            poll.unregister(notifier.descriptor)
        if master in ready and not _move(master, 1):
            return
        if 0 in ready and not _move(0, master):
            poll.unregister(0)
        if pidfd in ready and master not in ready:
            return


def _move(source: int, target: int) -> bool:
    """Copy what is there; False at the end. A terminal whose other side is closed answers EIO."""
    try:
        data = os.read(source, _CHUNK)
    except OSError as error:
        if error.errno == errno.EIO:
            return False
        raise
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
    return bool(data)
