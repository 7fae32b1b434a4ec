"""Workers that unpack end with the daemon that started them, whatever they wait for."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from slipway.archive.extract import Whiteouts
from slipway.archive.unpack import Unpackers
from slipway.base.errors import Cancelled
from slipway.base.interruption import Interruption
from tests.support import processes
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

DAEMON = """
import os, sys
sys.path.insert(0, sys.argv[1])
from slipway.archive.extract import Whiteouts
from slipway.archive.unpack import Unpackers
from slipway.base.interruption import Interruption
archive, root = os.open(sys.argv[2], os.O_RDONLY), os.open(sys.argv[3], os.O_RDONLY | os.O_DIRECTORY)
Unpackers(1).unpack(archive, root, [], Whiteouts.KEEP, Interruption())
"""


def test_a_worker_that_waits_for_an_archive_ends_with_its_daemon(tmp_path: Path) -> None:
    fifo = tmp_path / "archive"
    os.mkfifo(fifo)
    endless = os.open(fifo, os.O_RDWR)  # ours: the archive does not end with the daemon
    arguments = [sys.executable, "-c", DAEMON, str(CHECKOUT / "src"), str(fifo), str(tmp_path)]
    daemon = subprocess.Popen(arguments)
    workers: list[processes.Process] = []
    try:
        wait_until(lambda: any(_reads(p, fifo) for p in processes.descendants(daemon.pid)), "a worker at work")
        workers = processes.descendants(daemon.pid)
        daemon.kill()
        daemon.wait()
        wait_until(lambda: not any(worker.is_alive() for worker in workers), "the worker's end")
    finally:
        daemon.kill()
        daemon.wait()
        processes.end(workers)
        os.close(endless)


def _reads(process: processes.Process, file: Path) -> bool:
    return process.command.startswith("containerd-unpack") and str(file) in processes.open_files(process.pid)


def test_who_is_interrupted_gives_its_worker_back(tmp_path: Path) -> None:
    """Else a layer without end fills the disk after Ctrl-C, and two of them keep all others from being unpacked."""
    fifo, root = tmp_path / "archive", tmp_path / "root"
    os.mkfifo(fifo)
    root.mkdir()
    endless, directory = os.open(fifo, os.O_RDWR), os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    unpackers, interruption = Unpackers(1), Interruption()
    failures: list[BaseException] = []

    def unpack() -> None:
        try:
            unpackers.unpack(endless, directory, [], Whiteouts.KEEP, interruption)
        except Cancelled as error:
            failures.append(error)

    thread = threading.Thread(target=unpack)
    thread.start()
    try:
        wait_until(lambda: any(_reads(p, fifo) for p in processes.descendants(os.getpid())), "a worker at work")
        interruption.happen()
        thread.join(10)
        assert len(failures) == 1
        empty = os.open(tmp_path / "empty", os.O_RDWR | os.O_CREAT)
        os.write(empty, bytes(1024))
        os.lseek(empty, 0, os.SEEK_SET)
        assert unpackers.unpack(empty, directory, [], Whiteouts.KEEP, Interruption()).entries == 0
        os.close(empty)
    finally:
        interruption.happen()
        thread.join(10)
        unpackers.close()
        os.close(endless)
        os.close(directory)
