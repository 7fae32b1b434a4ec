"""The five programs of this checkout in .dev/bin: as `pip install` would put them, but running the code in src/."""

import sys
import sysconfig
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

    `python` is the interpreter and `libraries` its site-packages; empty means the running one's.
    """
    python = python or sys.executable
    libraries = libraries or sysconfig.get_paths()["platlib"]
    if "'" in python:
        raise ValueError(f"make launchers for {python}: the path holds a quote, which sh and Python read differently")
    folder = checkout / ".dev" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in PROGRAMS.items():
        text = TEMPLATE.format(module=module, python=python, source=str(checkout / "src"), libraries=libraries)
        _write(folder / name, text)
    return folder


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.rename(path)
