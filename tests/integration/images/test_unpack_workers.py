"""Workers that unpack end with the daemon that started them, whatever they wait for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

DAEMON = """
import os, sys
sys.path.insert(0, sys.argv[1])
from slipway.archive.extract import Whiteouts
from slipway.archive.unpack import Unpackers
archive, root = os.open(sys.argv[2], os.O_RDONLY), os.open(sys.argv[3], os.O_RDONLY | os.O_DIRECTORY)
Unpackers(1).unpack(archive, root, [], Whiteouts.KEEP)
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
