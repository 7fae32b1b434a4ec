"""The originals with our runc among them, started once for all modules."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.runc.beside import Pair
from tests.support import peers
from tests.support.our_runc import engine_with_ours
from tests.support.paths import CHECKOUT


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
    engine = engine_with_ours("sid", short_folder / "d")
    try:
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def both_runtimes(machine_unchanged: None, short_folder: Path) -> Iterator[Pair]:
    """The original runc and ours, with one bundle, `b1`, of `true`."""
    pair = Pair(short_folder / "b")
    try:
        pair.bundle("true")
        yield pair
    finally:
        pair.close()


@pytest.fixture
def pair(both_runtimes: Pair) -> Iterator[Pair]:
    """The same, without a container of either afterwards."""
    yield both_runtimes
    both_runtimes.remove_all()
