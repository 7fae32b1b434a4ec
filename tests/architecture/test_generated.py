"""What is generated is current: the conformance table, the protobuf modules."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

from slipway.launch import containerd
from slipway.transport.aio.grpc_method import methods_of
from tests.architecture.modules import GENERATED
from tests.support.containerd_api import UNSERVED
from tests.support.exchange import CELLS, SUITES, proofs_of
from tests.support.paths import CHECKOUT
from tools.dev import conformance, conformance_containerd


def test_the_conformance_table_is_current() -> None:
    assert conformance.is_current(), "run ./dev conformance"


def test_the_protobuf_modules_are_current(tmp_path: Path) -> None:
    generate = [sys.executable, str(CHECKOUT / "tools" / "protos" / "generate"), str(tmp_path)]
    subprocess.run(generate, check=True, capture_output=True)
    fresh = {path.name: path.read_text() for path in (tmp_path / GENERATED).glob("*.py*")}
    kept = {path.name: path.read_text() for path in (CHECKOUT / "src" / GENERATED).glob("*.py*")}
    assert fresh == kept, "run ./dev protos"


def test_the_page_of_containerd_s_api_lists_exactly_what_is_served() -> None:
    served = {
        method.path
        for module in vars(containerd).values()
        if isinstance(module, ModuleType) and hasattr(module, "DESCRIPTOR")
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in methods_of(service).values()
    }
    page = conformance_containerd.listed(conformance_containerd.TARGET.read_text())
    assert page == {*served, "/containerd.services.events.ttrpc.v1.Events/Forward"}, "./dev conformance --containerd"
    assert not page & UNSERVED.keys()


def test_every_test_that_the_page_names_for_an_exchanged_program_is_there() -> None:
    folders = sorted({test.rpartition("/")[0] for cell in CELLS for test in cell.tests})
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", *(f"tests/{folder}" for folder in folders)]
    listed = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.splitlines()
    named = {f"tests/{test}" for cell in CELLS for suite in SUITES for test in proofs_of(cell, suite)}
    assert not {test for test in named if not any(line.startswith(test) for line in listed)}
