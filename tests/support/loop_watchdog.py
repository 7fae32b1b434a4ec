"""Watches a daemon's event loop from a thread inside the daemon: no callback may hold it up for more than 50 ms.

Only tests load this, by the launchers of `programs.py`. uvloop runs callbacks in compiled code, where asyncio's
slow_callback_duration does nothing; so a thread looks at the loop's thread every few milliseconds.

A busy machine is no fault of a callback. What counts is processor time of the loop's own thread, and time in which it
slept in a system call; not the time in which it was ready to run (the scheduler's accounts tell), and not the time in
which it waited for the interpreter's lock, which is a futex.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvloop

LIMIT_SECONDS = 0.05
PERIOD_SECONDS = 0.005
FUTEX = "202"  # x86_64's number; asm/unistd_64.h
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
        self._files = f"/proc/self/task/{threading.get_native_id()}"
        self._callback: tuple[object, int] = (None, 0)
        self._accounts = (0.0, 0.0, 0.0)
        self._worked = self._slept = 0.0
        self._told = False

    def start(self) -> None:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(PERIOD_SECONDS)
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
        if (call := self._system_call()) not in ("running", FUTEX):
            self._slept += max(0.0, wall - worked - ready)
        if max(self._worked, self._slept) > LIMIT_SECONDS:
            self._told = True
            self._tell(frame, call)

    def _read_accounts(self) -> tuple[float, float, float]:
        """Seconds: of the clock, of processor time, of being ready without a processor (sched-stats.rst)."""
        with open(f"{self._files}/schedstat") as file:
            worked, ready, _ = file.read().split()
        return time.monotonic(), int(worked) / 1e9, int(ready) / 1e9

    def _system_call(self) -> str:
        """The number of the call that it is in, or `running`: proc(5), /proc/PID/syscall."""
        with open(f"{self._files}/syscall") as file:
            return file.read().split()[0]

    def _tell(self, frame: FrameType | None, call: str) -> None:
        stack = "".join(traceback.format_stack(frame)[-25:])
        held = f"worked {self._worked * 1000:.0f} ms, slept {self._slept * 1000:.0f} ms; system call now: {call}"
        with open(self._report, "a") as file:
            file.write(f"{os.path.basename(sys.argv[0])}: a callback {held}\n{stack}\n")


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
