"""Watches a daemon's event loop from a thread inside the daemon: no callback may hold it up for more than 50 ms.

Only tests load this, by the launchers of `programs.py`. uvloop runs callbacks in compiled code, where asyncio's
slow_callback_duration does nothing; so a thread looks at the loop's thread every few milliseconds.

A busy machine is no fault of a callback. What counts is processor time of the loop's own thread, and time in which it
slept in a system call; not the time in which it was ready to run (the scheduler's accounts tell), and not the time in
which it waited for its turn in the interpreter, or for another thread of its process that worked or wanted a processor.
A look that comes late itself tells of a machine that stood still (its host took the processors): little of it counts.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import uvloop

LIMIT_SECONDS = 0.05
PERIOD_SECONDS = 0.005
SLEEP_BETWEEN_LOOKS = 2 * PERIOD_SECONDS  # the most that one look counts
FUTEX = "202"  # x86_64's number; asm/unistd_64.h
FUTEX_WAIT_BITSET = 9  # what sem_wait uses, and so a Lock; linux/futex.h
RUNNERS = ("/asyncio/runners.py", "/uvloop/__init__.py")


class WatchedLoop(uvloop.Loop):
    """uvloop's, with a count of the callbacks that begin: the steps of one task are told from each other by it."""

    steps = 0

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        def counted(*args: Any) -> Any:
            self.steps += 1
            return callback(*args)

        return super().call_soon(counted, *args, context=context)


class Watchdog:
    """Writes a paragraph to `report` for each callback that was too long. Made in the loop's thread."""

    def __init__(self, loop: WatchedLoop, report: str) -> None:
        self._loop, self._report = loop, report
        self._thread = threading.get_ident()
        self._loop_id = threading.get_native_id()
        self._files = f"/proc/self/task/{self._loop_id}"
        self._callback: tuple[object, int] = (None, 0)
        self._accounts = (0.0, 0.0, 0.0)
        self._others: dict[str, float] = {}
        self._worked = self._slept = 0.0
        self._told = False

    def start(self) -> None:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(PERIOD_SECONDS)
            with suppress(OSError):  # of a test that takes all descriptors away
                self._look()

    def _look(self) -> None:
        frame = sys._current_frames().get(self._thread)
        callback = (_outermost(frame), self._loop.steps)
        if callback[0] is not self._callback[0] or callback[1] != self._callback[1]:
            self._callback, self._told = callback, False
            self._worked = self._slept = 0.0
            if callback[0] is not None:
                self._accounts = self._read_accounts()
            return
        if callback[0] is not None and not self._told:
            self._judge(frame)

    def _judge(self, frame: FrameType | None) -> None:
        """Add what has passed since the last look at the same callback."""
        before, self._accounts = self._accounts, self._read_accounts()
        wall, worked, ready = (now - then for now, then in zip(self._accounts, before, strict=True))
        self._worked += worked
        call = self._system_call()
        asleep = max(0.0, wall - worked - ready)
        if call[0] == "running" or (call[0] == FUTEX and _is_for_the_interpreter(call)):
            asleep = 0.0
        elif call[0] == FUTEX:
            asleep = max(0.0, asleep - self._work_of_others())
        self._slept += min(asleep, SLEEP_BETWEEN_LOOKS)
        if max(self._worked, self._slept) > LIMIT_SECONDS:
            self._told = True
            self._tell(frame, call[0])

    def _read_accounts(self) -> tuple[float, float, float]:
        """Seconds: of the clock, of processor time, of being ready without a processor (sched-stats.rst)."""
        with open(f"{self._files}/schedstat") as file:
            worked, ready, _ = file.read().split()
        return time.monotonic(), int(worked) / 1e9, int(ready) / 1e9

    def _system_call(self) -> list[str]:
        """The number of the call that it is in and its arguments, or `running`: proc(5), /proc/PID/syscall."""
        with open(f"{self._files}/syscall") as file:
            return file.read().split()

    def _work_of_others(self) -> float:
        """Seconds that threads beside the loop's and this one worked or wanted a processor since this was last asked:
        one of them may hold what the loop waits for. Those that are new count with all their life."""
        ours = (str(self._loop_id), str(threading.get_native_id()))
        before, self._others = self._others, {}
        for thread in os.listdir("/proc/self/task"):
            if thread not in ours:
                self._others[thread] = _busy_seconds(thread)
        return sum(busy - before.get(thread, 0.0) for thread, busy in self._others.items())

    def _tell(self, frame: FrameType | None, call: str) -> None:
        stack = "".join(traceback.format_stack(frame)[-25:])
        held = f"worked {self._worked * 1000:.0f} ms, slept {self._slept * 1000:.0f} ms; system call now: {call}"
        with open(self._report, "a") as file:
            file.write(f"{os.path.basename(sys.argv[0])}: a callback {held}\n{stack}\n")


def _is_for_the_interpreter(call: list[str]) -> bool:
    """Whether it waits for its turn: with a timeout (5 ms), which a Lock has only when asked for. ceval_gil.h"""
    operation, timeout = int(call[2], 16), int(call[4], 16)
    return operation & 0x7F != FUTEX_WAIT_BITSET or timeout != 0


def _busy_seconds(thread: str) -> float:
    """Processor time, and time of being ready without a processor; of one that has ended, nothing."""
    try:
        with open(f"/proc/self/task/{thread}/schedstat") as file:
            worked, ready, _ = file.read().split()
    except OSError:
        return 0.0
    return (int(worked) + int(ready)) / 1e9


def _outermost(frame: FrameType | None) -> FrameType | None:
    """The callback's own frame: the one that the loop called. None when the loop is waiting, or has not begun."""
    inner: FrameType | None = None
    while frame is not None:
        if frame.f_code.co_filename.endswith(RUNNERS):
            return inner
        if not frame.f_code.co_filename.endswith("/loop_watchdog.py"):
            inner = frame
        frame = frame.f_back
    return None


def install(report: str) -> None:
    """Have every loop that `uvloop.run` makes in this process watched."""
    run = uvloop.run

    def run_watched(main: Any, **options: Any) -> Any:
        return run(_watched(main, report), loop_factory=WatchedLoop, **options)

    uvloop.run = run_watched


async def _watched(main: Any, report: str) -> Any:
    import asyncio

    loop = asyncio.get_running_loop()
    assert isinstance(loop, WatchedLoop)
    Watchdog(loop, report).start()
    return await main
