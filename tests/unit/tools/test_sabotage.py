"""`./dev sabotage`, interrupted, lets the test of its breakage clean up; a name that is no breakage is told."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until
from tools.dev import sabotage

A_TEST = """
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def engine():
    (HERE / "started").touch()
    yield
    (HERE / "cleaned-up").touch()


def test_that_takes_long(engine):
    time.sleep(60)
"""
RUN = """
import sys
from pathlib import Path

from tools.dev import sabotage

sabotage.run_test(Path(sys.argv[1]), "test_it.py")
"""


def test_an_interrupt_waits_until_the_test_has_cleaned_up(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(A_TEST)
    process = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)], cwd=CHECKOUT, stderr=subprocess.DEVNULL)
    wait_until((tmp_path / "started").exists, "the test to start", 30)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert (tmp_path / "cleaned-up").exists()


def test_what_is_no_breakage_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        sabotage.main(["sabotage", "no such breakage"])
    assert "no such breakage" in capsys.readouterr().err
