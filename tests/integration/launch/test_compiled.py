"""A program's modules in one file: found there, and never older than their sources."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT

START = """
import sys
sys.path.insert(0, {source!r})
from slipway.launch import compiled
modules = compiled.use("probe")
import slipway.probe
print(slipway.probe.WORD, type(slipway.probe.__loader__).__name__, slipway.probe.__file__)
modules.keep(lambda: None)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of sources with `slipway.launch.compiled`, what it needs, and a module that says "one"."""
    for name in ("slipway/__init__.py", "slipway/launch/__init__.py", "slipway/base/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("slipway/launch/compiled.py", "slipway/base/files.py"):
        (tmp_path / name).write_text((CHECKOUT / "src" / name).read_text())
    (tmp_path / "slipway/probe.py").write_text("WORD = 'one'\n")
    return tmp_path


def start(source: Path) -> list[str]:
    """What the module says, who loaded it, and its file."""
    code = START.format(source=str(source))
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def kept(source: Path) -> Path:
    return source / f"slipway/launch/__pycache__/probe.{sys.implementation.cache_tag}.modules"


def test_the_second_start_takes_them_from_the_file(source: Path) -> None:
    path = str(source / "slipway/probe.py")
    assert start(source) == ["one", "SourceFileLoader", path]
    assert start(source) == ["one", "CompiledModules", path]


def test_a_changed_module_comes_from_its_source_and_is_kept_anew(source: Path) -> None:
    start(source)
    (source / "slipway/probe.py").write_text("WORD = 'another'\n")
    assert start(source)[:2] == ["another", "SourceFileLoader"]
    assert start(source)[:2] == ["another", "CompiledModules"]


def test_a_module_that_is_gone_is_not_found(source: Path) -> None:
    start(source)
    (source / "slipway/probe.py").unlink()
    with pytest.raises(AssertionError, match="No module named"):
        start(source)


@pytest.mark.parametrize("content", [b"", b"junk", b"slipway modules 0\n{}"])
def test_a_file_of_another_making_is_written_anew(source: Path, content: bytes) -> None:
    start(source)
    kept(source).write_bytes(content)
    assert start(source)[:2] == ["one", "SourceFileLoader"]
    assert start(source)[:2] == ["one", "CompiledModules"]


def test_a_folder_that_cannot_be_written_does_no_harm(source: Path) -> None:
    start(source)
    kept(source).unlink()
    os.mkdir(kept(source))  # root may write anywhere; nobody writes over a folder
    assert start(source)[:2] == ["one", "SourceFileLoader"]
    assert not [name for name in os.listdir(kept(source).parent) if name.endswith(".tmp")]
