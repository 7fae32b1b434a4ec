"""The list of breakages itself: each fits the source and names a test that exists. `./dev sabotage` tries them."""

import subprocess
import sys
from pathlib import Path

from tests.sabotage.breakages import ALL
from tests.support.paths import CHECKOUT


def test_each_breakage_fits_the_source(tmp_path: Path) -> None:
    for breakage in ALL:
        target = tmp_path / breakage.name / breakage.file
        target.parent.mkdir(parents=True)
        target.write_text((CHECKOUT / breakage.file).read_text())
        breakage.apply(tmp_path / breakage.name)
        compile(target.read_text(), breakage.file, "exec")


def test_each_breakage_names_tests_that_exist() -> None:
    if not ALL:
        return
    tests = sorted({breakage.test for breakage in ALL})
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *tests], cwd=CHECKOUT, capture_output=True, check=False
    )
    assert listed.returncode == 0, listed.stdout.decode()
