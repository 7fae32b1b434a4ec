"""Work that waits for rest: done once for many requests, not put off for good, and done at the end."""

import threading

import pytest

from slipway.base.clock import Clock
from slipway.containerd.snapshots import settling
from slipway.containerd.snapshots.settling import Settling


class Timers:
    """Timers that run when the test lets time pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = 100.0
        self.waiting: list[tuple[float, FakeTimer]] = []
        monkeypatch.setattr(settling.threading, "Timer", lambda seconds, call: FakeTimer(self, seconds, call))  # type: ignore[attr-defined]

    def monotonic(self) -> float:
        return self.time

    def now(self) -> int:
        return int(self.time * 1e9)

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        while self.waiting and min(self.waiting, key=lambda each: each[0])[0] <= end:
            due = min(self.waiting, key=lambda each: each[0])
            self.waiting.remove(due)
            self.time = due[0]
            if not due[1].cancelled:
                due[1].call()
        self.time = end


class FakeTimer:
    daemon = False

    def __init__(self, timers: Timers, seconds: float, call: object) -> None:
        self.call = call
        self.cancelled = False
        self._timers, self._seconds = timers, seconds

    def start(self) -> None:
        self._timers.waiting.append((self._timers.time + self._seconds, self))

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    return Timers(monkeypatch)


def test_many_requests_are_one_piece_of_work_after_a_rest(timers: Timers) -> None:
    done: list[float] = []
    work = Settling(lambda: done.append(timers.time), timers, rest=2, longest=10)  # type: ignore[arg-type]
    for _ in range(4):
        work.want()
        timers.advance(1)
    assert not done
    timers.advance(5)
    assert done == [105]
    work.want()
    timers.advance(5)
    assert len(done) == 2


def test_requests_without_end_do_not_put_it_off_for_good(timers: Timers) -> None:
    done: list[float] = []
    work = Settling(lambda: done.append(timers.time), timers, rest=2, longest=10)  # type: ignore[arg-type]
    for _ in range(25):
        work.want()
        timers.advance(1)
    assert done == [110, 120]


def test_the_end_does_what_is_left_and_nothing_afterwards(timers: Timers) -> None:
    done: list[float] = []
    work = Settling(lambda: done.append(timers.time), timers, rest=2, longest=10)  # type: ignore[arg-type]
    work.want()
    work.close()
    work.want()
    timers.advance(10)
    assert done == [100]


def test_a_disk_that_fails_is_tried_again() -> None:
    """With the real timers: what is raised in their thread would be told of as a warning, and fail the test."""
    tried = threading.Semaphore(0)

    def fail() -> None:
        tried.release()
        raise OSError(5, "Input/output error")

    work = Settling(fail, Clock(), rest=0.001, longest=1)
    for _ in range(2):
        work.want()
        assert tried.acquire(timeout=5)
    work.close()
