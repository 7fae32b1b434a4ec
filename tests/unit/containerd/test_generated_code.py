"""The committed modules are what the protos give, and the protos are what the originals speak."""

import importlib.machinery
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf import descriptor_pool

from slipway.contracts.containerd_api import generated

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
COMMITTED = Path(generated.__path__[0])


def _generator() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("generate_protos", str(CHECKOUT / "tools" / "protos" / "generate"))
    spec = importlib.util.spec_from_loader("generate_protos", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_generated_code_is_current(tmp_path: Path) -> None:
    generator = _generator()
    assert generator.generate(tmp_path) == 0
    fresh = tmp_path / generator.PACKAGE
    assert {path.name for path in fresh.iterdir()} == {
        p.name for p in COMMITTED.iterdir() if p.suffix in (".py", ".pyi")
    }
    for path in fresh.iterdir():
        assert path.read_text() == (COMMITTED / path.name).read_text(), f"run tools/protos/generate: {path.name} is old"


@pytest.fixture(scope="module")
def originals() -> dict[str, dict[str, list[object]]]:
    """{full message name: {field name: [number, type, repeated]}}, taken from containerd's own descriptors."""
    table: dict[str, dict[str, list[object]]] = json.loads((HERE / "original_fields.json").read_text())
    return table


def test_every_message_has_the_originals_field_numbers(originals: dict[str, dict[str, list[object]]]) -> None:
    for path in COMMITTED.glob("*_pb2.py"):
        importlib.import_module(f"{generated.__name__}.{path.stem}")
    pool = descriptor_pool.Default()
    checked = 0
    for name, fields in originals.items():
        message = pool.FindMessageTypeByName(name)
        ours = {field.name: [field.number, field.type, field.is_repeated] for field in message.fields}
        assert ours == fields, name
        checked += 1
    assert checked > 150
