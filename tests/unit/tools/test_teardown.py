"""A test that is cleaning up when the interrupt comes cleans up to the end; then the run is over."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

TESTS = """
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def engine():
    yield
    (HERE / "cleaning-up").touch()
    time.sleep(1)
    (HERE / "cleaned-up").touch()


def test_first(engine):
    pass


def test_second():
    (HERE / "went-on").touch()
"""


def test_an_interrupt_waits_until_a_test_has_cleaned_up(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.support.teardown",
        "-p",
        "no:cacheprovider",
        "test_it.py",
    ]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen(argv, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    wait_until((tmp_path / "cleaning-up").exists, "the test's end", 30)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == pytest.ExitCode.INTERRUPTED
    assert (tmp_path / "cleaned-up").exists()
    assert not (tmp_path / "went-on").exists()
