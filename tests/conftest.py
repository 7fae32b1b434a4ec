"""Fixtures for every folder of tests, and two rules: a skip in CI names a kernel feature; a session leaves no trace."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support import api_record, docker, images, inventory, oci_record, peers, pending, skips
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.support.pending import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_sessionfinish,
)
from tests.support.teardown import pytest_runtest_teardown

__all__ = [
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_teardown",
    "pytest_sessionfinish",
]

IN_CI = bool(os.environ.get("CI"))
ENGINE_WORDS = ("slipway", "docker", "containerd", "runc", "podman", "/tmp/sw")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    pending.note(item, report)
    oci_record.note_report(report)
    if IN_CI:
        skips.refuse_unnamed(report)
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    api_record.note_report(report)


@pytest.fixture(scope="session", autouse=True)
def records_kept() -> Iterator[None]:
    yield
    oci_record.keep()
    api_record.keep()


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A temporary folder with a short name on a real disk: sockets, data roots. Gone at the end.

    Its name becomes part of others. A namespace of containerd takes no `_` before a `-`, as names of mkdtemp can have.
    """
    folder = Path("/tmp", f"sw{secrets.token_hex(4)}")
    folder.mkdir(mode=0o700)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def machine_unchanged(short_folder: Path) -> Iterator[None]:
    """Fail at the end of the session with a readable difference when the machine is not as it was at its start.

    Where the machine is ours alone (CI), whatever bears an engine's name counts; elsewhere, what bears this run's.
    """
    words = ENGINE_WORDS if IN_CI else (short_folder.name,)

    def now() -> inventory.Inventory:
        return inventory.take(words, whole_machine=IN_CI)

    before = now()
    yield
    assert not (left := inventory.settled_difference(before, now)), f"the tests changed the machine:\n{left}"


@pytest.fixture(scope="session")
def our_engine(machine_unchanged: None, short_folder: Path) -> Iterator[OurEngine]:
    """Our engine, running, shared by the session. A test that kills it makes one of its own (`fresh_engine`)."""
    engine = OurEngine(short_folder / "ours")
    try:
        yield engine.start()
    finally:
        engine.close()


@pytest.fixture
def fresh_engine(machine_unchanged: None, short_folder: Path) -> Iterator[OurEngine]:
    """Our engine, running, for one test alone: it may be killed and started again."""
    engine = OurEngine(Path(tempfile.mkdtemp(prefix="own", dir=short_folder)))
    try:
        yield engine.start()
    finally:
        engine.close()


@pytest.fixture(scope="session")
def original_engine(machine_unchanged: None, short_folder: Path) -> Iterator[OriginalEngine]:
    """The original Docker 28.5 of sid, with containerd's image store as ours has it; running, shared by the session."""
    engine = OriginalEngine("sid", short_folder / "sid", "--feature", "containerd-snapshotter=true")
    try:
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def trixie() -> str:
    """The name of the trixie tree (Docker 26.1, containerd 1.7, runc 1.1), installed."""
    peers.install("trixie")
    return "trixie"


@pytest.fixture(scope="session")
def sid() -> str:
    """The name of the sid tree (Docker 28.5, containerd 2.1, runc 1.3), installed."""
    peers.install("sid")
    return "sid"


@pytest.fixture(scope="session")
def busybox_archive() -> Path:
    """An image archive of busybox:latest."""
    return images.busybox()


@pytest.fixture(scope="session")
def nginx_archive() -> Path:
    """An image archive of nginx:latest."""
    return images.nginx()


@pytest.fixture
def our_client(our_engine: OurEngine) -> docker.Docker:
    """Our client on our engine."""
    return docker.ours(our_engine.host)


@pytest.fixture
def their_client(our_engine: OurEngine) -> docker.Docker:
    """Docker's own client on our engine."""
    return docker.theirs(our_engine.host)


@pytest.fixture
def original_client(original_engine: OriginalEngine) -> docker.Docker:
    """Docker's own client on the original engine."""
    return docker.theirs(original_engine.host)
