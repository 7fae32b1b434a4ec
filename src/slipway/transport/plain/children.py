"""Child processes on the plain loop: forking them, and learning how each of them ended."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import os
import time

from slipway.linux.descriptor_limit import DescriptorLimit
from slipway.linux.prctl import set_parent_death_signal
from slipway.transport.plain.loop import READABLE, Future, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_BEYOND_ALL = 1 << 30
_FAILED_CHILD = 70  # EX_SOFTWARE of sysexits(3): the child's own code raised


class Exit:
    """How a process ended: `status` is its own, or 128 + the signal; `at` nanoseconds since the epoch."""

    __slots__ = ("at", "pid", "status")

    def __init__(self, pid: int, status: int, at: int) -> None:
        self.pid = pid
        self.status = status
        self.at = at


def exit_from_wait_status(pid: int, status: int) -> Exit:
    """What waitpid(2) has just said."""
    code = os.waitstatus_to_exitcode(status)
    return Exit(pid, code if code >= 0 else 128 - code, time.time_ns())


class Children:
    """All children of this process, orphans that became ours included: every exit is reaped here and only here.

    Another process may be the parent in our place, as long as it tells us of each exit: `take_exit`.

    A process whose number we learn only later (runc writes it to a file) may have ended by then: between
    `expect_strangers` and `forget_strangers` the exits of unknown processes are kept for `wait`.

    Our limit of descriptors is lifted by `open`; children have the one that was there when this was made.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: dict[int, Future] = {}
        self._strangers: dict[int, Exit] = {}
        self._expecting = 0
        self._wakeup = self._written = -1
        self._on_signal: dict[int, Callable[[], None]] = {_signal.SIGCHLD: self.reap}
        self._limit = DescriptorLimit()

    def open(self) -> None:
        """Take over signal handling, on the open loop. Before anything else here."""
        self._limit.lift()
        self._wakeup, self._written = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        _signal.set_wakeup_fd(self._written, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, _ignore)
        self._loop.watch(self._wakeup, READABLE, self._signalled)

    def close(self) -> None:
        """Give up signal handling: all signals have their default again, and the limit of descriptors is as it was."""
        reset_signals()
        self._limit.give_back()
        self._loop.unwatch(self._wakeup)
        os.close(self._wakeup)
        os.close(self._written)

    def on_signal(self, number: int, callback: Callable[[], None]) -> None:
        self._on_signal[number] = callback
        _signal.signal(number, _ignore)

    def expect_strangers(self) -> None:
        self._expecting += 1

    def forget_strangers(self) -> None:
        self._expecting -= 1
        if not self._expecting:
            self._strangers.clear()

    def wait(self, pid: int) -> Future:
        """A future of the Exit of the process `pid`, our child or one that we are told of. Ask once for each."""
        future = self._loop.future()
        early = self._strangers.pop(pid, None)
        if early is not None:
            future.resolve(early)
        else:
            self._waiting[pid] = future
        return future

    def is_waiting_for(self, pid: int) -> bool:
        """Whether the Exit of our child `pid` was asked for and has not come."""
        return pid in self._waiting

    def fork(self, run: Callable[[], int], stdio: tuple[int, int, int], *, keep: tuple[int, ...] = ()) -> int:
        """Fork a child that calls `run` and exits with its status; the child's number.

        The child has `stdio` as 0, 1 and 2 (-1: /dev/null), `keep` as 3, 4, ... and no other descriptor, default
        signal handling, and gets SIGKILL when we end. `run` may exec, or never return.
        """
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            status = _FAILED_CHILD
            try:
                _become_child(parent, stdio, keep)
                self._limit.give_back()
                status = run()
            finally:
                os._exit(status)
        return pid

    def reap(self) -> None:
        """Collect every child that has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self.take_exit(exit_from_wait_status(pid, status))

    def take_exit(self, ended: Exit) -> None:
        """A process has ended; whoever waits for it goes on."""
        future = self._waiting.pop(ended.pid, None)
        if future is not None:
            future.resolve(ended)
        elif self._expecting:
            self._strangers[ended.pid] = ended

    def _signalled(self, _events: int) -> None:
        for number in set(os.read(self._wakeup, 4096)):
            callback = self._on_signal.get(number)
            if callback is not None:
                callback()


def _ignore(_number: int, _frame: object) -> None:
    """The handler in Python: what counts is the byte in the wakeup descriptor."""


def _become_child(parent: int, stdio: tuple[int, int, int], keep: tuple[int, ...]) -> None:
    set_parent_death_signal(_signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_FAILED_CHILD)  # it ended before we asked to die with it
    reset_signals()
    set_descriptors(stdio, keep)


def reset_signals() -> None:
    """Default handling of all that Python or the loop handles or ignores; nothing blocked."""
    _signal.set_wakeup_fd(-1)
    for number in (_signal.SIGCHLD, _signal.SIGTERM, _signal.SIGINT, _signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def set_descriptors(stdio: tuple[int, int, int], keep: tuple[int, ...] = ()) -> None:
    """Put `stdio` at 0, 1, 2 (-1: /dev/null) and `keep` at 3, 4, ..., inheritable; close everything else."""
    wanted = (*stdio, *keep)
    lowest_free = len(wanted)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    # First out of the way of the numbers they will get, so that no copy overwrites one still to be copied.
    moved = [_moved_above(null if descriptor < 0 else descriptor, lowest_free) for descriptor in wanted]
    for number, descriptor in enumerate(moved):
        os.dup2(descriptor, number, inheritable=True)
    os.closerange(lowest_free, _BEYOND_ALL)  # one close_range(2)


def _moved_above(descriptor: int, lowest: int) -> int:
    copies = []
    while descriptor < lowest:
        copies.append(descriptor)
        descriptor = os.dup(descriptor)
    return descriptor
