"""Our runc as a program that the originals in tools/peers can call by path."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.paths import CHECKOUT

# The trees have a python3 of their own, and see this checkout at the same path.
LAUNCHER = f"""#!/bin/sh
exec /usr/bin/python3 -I -S -c "import sys; sys.path.insert(0, '{CHECKOUT}/src')
from slipway.launch.runc import main; main()" "$@"
"""


def write_launcher(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    launcher = folder / "runc"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    return launcher


@pytest.fixture(scope="session", params=["trixie", "sid"])
def containerd(
    request: pytest.FixtureRequest, machine_unchanged: None, short_folder: Path
) -> Iterator[peers.OriginalContainerd]:
    """The original containerd, 1.7 and 2.1."""
    daemon = peers.OriginalContainerd(request.param, short_folder / f"c-{request.param}", bind=(CHECKOUT,))
    try:
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="session")
def dockerd(machine_unchanged: None, short_folder: Path) -> Iterator[peers.OriginalEngine]:
    """The original Docker 28.5 with our runc beside its own, as the runtime `ours`."""
    folder = short_folder / "d"
    launcher = write_launcher(folder)
    patch = pytest.MonkeyPatch()
    patch.setenv("PEERS_BIND", str(CHECKOUT))
    engine = peers.OriginalEngine("sid", folder, "--add-runtime", f"ours={launcher}")
    patch.undo()
    try:
        yield engine
    finally:
        engine.stop()
