"""The watchdog itself: it finds what holds a loop up, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT

PROGRAM = """
import asyncio, os, sys, threading, time
sys.path[:0] = [{support!r}]
import loop_watchdog, uvloop
loop_watchdog.install(sys.argv[1])

def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

async def many_short_steps():
    for _ in range(100):
        spin(0.002)
        await asyncio.sleep(0)

async def wait():
    await asyncio.sleep(0.2)
    await asyncio.to_thread(time.sleep, 0.2)

async def beside_busy_threads():
    busy = [threading.Thread(target=spin, args=(0.4,)) for _ in range(4)]
    [thread.start() for thread in busy]
    while any(thread.is_alive() for thread in busy):
        os.stat("/")
        await asyncio.sleep(0)

async def waits_for_a_thread_that_computes():
    busy = threading.Thread(target=spin, args=(0.2,))
    busy.start()
    busy.join()

class Reader(asyncio.Protocol):
    def data_received(self, data):
        time.sleep(0.2)

async def in_a_protocol():
    import socket
    ours, theirs = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(Reader, ours)
    theirs.send(b"x")
    await asyncio.sleep(0.01)

async def waits_for_a_lock():
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(0.2, lock.release).start()
    with lock:
        pass

async def waits_for_a_result():
    import concurrent.futures
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pool.submit(time.sleep, 0.2).result()

async def works(): spin(0.2)
async def sleeps(): time.sleep(0.2)
async def waits_for_a_process(): os.waitpid(os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "0.2"), 0)

uvloop.run({what}())
"""


def told(what: str, folder: Path) -> str:
    report = folder / "report"
    program = PROGRAM.format(support=str(CHECKOUT / "tests" / "support"), what=what)
    subprocess.run([sys.executable, "-c", program, str(report)], check=True, timeout=60)
    return report.read_text() if report.exists() else ""


@pytest.mark.parametrize(
    "what", ["works", "sleeps", "waits_for_a_process", "waits_for_a_lock", "waits_for_a_result", "in_a_protocol"]
)
def test_what_holds_a_loop_up_is_told_with_its_stack(what: str, tmp_path: Path) -> None:
    said = told(what, tmp_path)
    assert said.count("a callback ") == 1
    assert ("data_received" if what == "in_a_protocol" else what) in said


@pytest.mark.parametrize(
    "what", ["many_short_steps", "wait", "beside_busy_threads", "waits_for_a_thread_that_computes"]
)
def test_what_does_not_is_not(what: str, tmp_path: Path) -> None:
    assert told(what, tmp_path) == ""
