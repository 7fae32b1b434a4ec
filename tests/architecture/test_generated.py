"""What is generated is current: the conformance table, the protobuf modules."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.modules import GENERATED
from tests.support.paths import CHECKOUT
from tools.dev import conformance


def test_the_conformance_table_is_current() -> None:
    assert conformance.is_current(), "run ./dev conformance"


def test_the_protobuf_modules_are_current(tmp_path: Path) -> None:
    generate = [sys.executable, str(CHECKOUT / "tools" / "protos" / "generate"), str(tmp_path)]
    subprocess.run(generate, check=True, capture_output=True)
    fresh = {path.name: path.read_text() for path in (tmp_path / GENERATED).glob("*.py*")}
    kept = {path.name: path.read_text() for path in (CHECKOUT / "src" / GENERATED).glob("*.py*")}
    assert fresh == kept, "run ./dev protos"
