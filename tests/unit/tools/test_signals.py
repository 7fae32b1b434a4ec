"""`./dev COMMAND` ends by a signal and says so, also where it was started with all of them ignored."""

import signal
import subprocess
import sys

import pytest

from tests.support.paths import CHECKOUT

IGNORED = ("sh", "-c", 'trap "" INT TERM HUP; exec "$0" "$@"')
SIGNALLED = """
import os, sys, time
from tools.dev import __main__ as dev

def run(argv):
    os.kill(os.getpid(), int(sys.argv[1]))
    time.sleep(60)

dev.run = run
sys.exit(dev.main(["check"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts(number: signal.Signals) -> None:
    argv = [*IGNORED, sys.executable, "-c", SIGNALLED, str(int(number))]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (130, "dev: interrupted\n")
