"""A command that we run ends with us when we are interrupted, and so do its children; what it says is kept."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until
from tools.dev import interruptible

RUN = "import sys; from tools.dev import interruptible; interruptible.run(['sh', '-c', sys.argv[1]])"


def test_what_a_command_says_is_kept_with_its_status() -> None:
    done = interruptible.run(["sh", "-c", "echo said; echo wrong >&2; exit 3"])
    assert (done.returncode, done.stdout) == (3, "said\nwrong\n")


@pytest.mark.parametrize("script", ["sleep 600; true", "trap 'rm {0}; exit' INT; touch {0}; sleep 600"])
def test_a_signal_to_us_alone_ends_the_command_and_its_children(tmp_path: Path, script: str) -> None:
    scratch = tmp_path / "scratch"
    argv = [sys.executable, "-c", RUN, script.format(scratch)]
    process = subprocess.Popen(argv, cwd=CHECKOUT, stderr=subprocess.DEVNULL)
    wait_until(lambda: any(p.command.startswith("sleep") for p in processes.descendants(process.pid)), "the child")
    children = processes.descendants(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert not [child.command for child in children if child.is_alive()]
    assert not scratch.exists()
