"""Processes by number and start time."""

import os
import signal
import subprocess
import sys

import pytest

from slipway.linux import descriptors, processes, signals


def test_a_process_is_told_from_a_later_one_of_the_same_number() -> None:
    stat = processes.read_stat(os.getpid())
    assert stat is not None
    assert stat.parent == os.getppid()
    assert processes.is_alive(os.getpid(), stat.start)
    assert not processes.is_alive(os.getpid(), stat.start + 1)
    with pytest.raises(ProcessLookupError):
        processes.open_process(os.getpid(), stat.start + 1)


def test_a_zombie_is_dead_and_a_reaped_one_is_gone() -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    stat = processes.read_stat(pid)
    assert stat is not None
    assert stat.is_dead()
    os.waitpid(pid, 0)
    assert processes.read_stat(pid) is None


def test_names_with_blanks_and_parentheses_do_not_mislead() -> None:
    program = "import ctypes; ctypes.CDLL(None).prctl(15, b') R 1 (', 0, 0, 0); print(flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    stat = processes.read_stat(child.pid)
    assert stat is not None
    assert stat.parent == os.getpid()
    child.communicate(b"\n")


def test_signal_numbers_agree_with_python() -> None:
    for number in signal.Signals:
        assert signals.NUMBERS[number.name[3:]] == number
    assert not {"_DFL", "_IGN", "_BLOCK"} & set(signals.NUMBERS)


def test_descriptors_that_are_kept_survive_and_others_do_not() -> None:
    pid = os.fork()
    if not pid:
        kept = os.open("/", os.O_PATH)
        lost = os.open("/", os.O_PATH)
        descriptors.close_all_but(3, [kept])
        os.fstat(kept)
        try:
            os.fstat(lost)
        except OSError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.in_guest
def test_a_process_that_is_gone_is_gone_while_its_session_goes_on() -> None:
    """Linux 6.1 has another error for a number that no process has and a session still does."""
    reading, writing = os.pipe()
    leader = os.fork()
    if not leader:
        os.setsid()
        os.close(writing)
        if not os.fork():
            os.read(reading, 1)  # until the test ends
        os._exit(0)
    try:
        os.waitpid(leader, 0)
        with pytest.raises(ProcessLookupError):
            processes.open_pidfd(leader)
    finally:
        os.close(writing)
        os.close(reading)
