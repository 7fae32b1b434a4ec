"""Our runc as a program that the originals in tools/peers can call by path."""

from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from tests.support.peers import OriginalEngine

# The trees have a python3 of their own, and see this checkout at the same path.
LAUNCHER = f"""#!/bin/sh
exec /usr/bin/python3 -I -S -c "import sys; sys.path.insert(0, '{CHECKOUT}/src')
from slipway.launch.runc import main; main()" "$@"
"""


def write_launcher(folder: Path) -> Path:
    """A program called `runc` in a folder that the tree sees."""
    folder.mkdir(parents=True, exist_ok=True)
    launcher = folder / "runc"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    return launcher


def engine_with_ours(suite: str, folder: Path) -> OriginalEngine:
    """The original dockerd of a tree, with our runc as its runtime `ours`."""
    launcher = write_launcher(folder)
    patch = pytest.MonkeyPatch()
    patch.setenv("PEERS_BIND", str(CHECKOUT))
    try:
        return OriginalEngine(suite, folder, "--add-runtime", f"ours={launcher}")
    finally:
        patch.undo()
