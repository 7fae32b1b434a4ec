"""Our containerd, running, with a root file system to run, the originals' `ctr` and a registry."""

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.containerd.ctr import Ctr
from tests.integration.containerd.daemon import OurContainerd, make_root
from tests.support import peers
from tests.support.paths import CACHE
from tests.support.peers import OriginalContainerd
from tests.support.registry import Registry


@pytest.fixture(scope="session")
def root_folder(sid: str, short_folder: Path) -> Path:
    """A root file system with busybox in it, shared and not to be changed."""
    return make_root(Path(tempfile.mkdtemp(prefix="root", dir=short_folder)))


@pytest.fixture(scope="module")
def shared(machine_unchanged: None, short_folder: Path) -> Iterator[OurContainerd]:
    """A containerd for the tests of one module that leave nothing behind."""
    daemon = OurContainerd(Path(tempfile.mkdtemp(prefix="cd", dir=short_folder)))
    try:
        yield daemon.start()
    finally:
        daemon.close()


@pytest.fixture
def fresh(machine_unchanged: None, short_folder: Path) -> Iterator[OurContainerd]:
    """A containerd for one test alone: it may be killed and started again."""
    daemon = OurContainerd(Path(tempfile.mkdtemp(prefix="cd", dir=short_folder)))
    try:
        yield daemon.start()
    finally:
        daemon.close()


@pytest.fixture(scope="module", params=["sid", pytest.param("trixie", marks=pytest.mark.matrix)])
def original_daemon(
    request: pytest.FixtureRequest, machine_unchanged: None, short_folder: Path, root_folder: Path
) -> Iterator[OriginalContainerd]:
    """The original containerd of each suite, running."""
    daemon = OriginalContainerd(request.param, short_folder / f"oc{secrets.token_hex(3)}", bind=(root_folder, CACHE))
    try:
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(params=sorted(peers.SUITES))
def ctr(request: pytest.FixtureRequest, shared: OurContainerd) -> Ctr:
    """`ctr` of each suite on the module's containerd."""
    peers.install(request.param)
    return Ctr(shared, request.param)


@pytest.fixture
def registry(shared: OurContainerd, short_folder: Path) -> Iterator[None]:
    """The original registry on the loopback of our containerd's network."""
    with Registry(short_folder / "ctr-registry", ["nsenter", "-t", str(shared.sandbox.pid), "-n", "--"]):
        yield
