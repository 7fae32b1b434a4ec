"""The five programs of this checkout in .dev/bin: as `pip install` would put them, but running the code in src/."""

import importlib.util
import sys
from pathlib import Path

PROGRAMS = {
    "docker": "docker",
    "dockerd": "dockerd",
    "containerd": "containerd",
    "containerd-shim-runc-v2": "shim",
    "runc": "runc",
}
TEMPLATE = """#!/bin/sh
# Starts slipway.launch.{module} of this checkout, without site (-I -S). Made by tools/dev/launchers.py.
'''exec' '{python}' -I -S "$0" "$@"
' '''
import sys

sys.path[:0] = [{source!r}, {libraries!r}]
from slipway.launch.{module} import main  # noqa: E402

main()
"""


def make(checkout: Path, python: str = "", libraries: str = "") -> Path:
    """Write the launchers and return their folder. Writing what is there already changes nothing.

    `python` is the interpreter and `libraries` its site-packages; empty means the running one and its.
    """
    values = values_for(checkout, python, libraries)
    folder = checkout / ".dev" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in PROGRAMS.items():
        write(folder / name, TEMPLATE.format(module=module, **values))
    return folder


def values_for(checkout: Path, python: str = "", libraries: str = "") -> dict[str, str]:
    """What a launcher is filled with, apart from its program. Raises ValueError for a path that cannot be written."""
    python = python or sys.executable
    if "'" in python:
        raise ValueError(f"make launchers for {python}: the path holds a quote, which sh and Python read differently")
    libraries = libraries or _libraries_of_this_process()
    return {"python": python, "source": str(checkout / "src"), "libraries": libraries}


def _libraries_of_this_process() -> str:
    """Where our dependencies lie: .venv's site-packages, or whatever folder PYTHONPATH has them in."""
    found = importlib.util.find_spec("hpack")
    assert found is not None, "the dependencies are not installed"
    assert found.origin is not None
    return str(Path(found.origin).parents[1])


def write(path: Path, text: str) -> None:
    """Make `path` an executable of that text, at once or not at all."""
    if path.exists() and path.read_text() == text:
        return
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.rename(path)
