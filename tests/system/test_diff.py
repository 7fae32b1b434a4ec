"""`docker diff` where there is no overlayfs: whole trees are compared."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker
from tests.support.engine import OurEngine


@pytest.fixture
def native_engine(machine_unchanged: None, short_folder: Path, busybox_archive: Path) -> Iterator[OurEngine]:
    engine = OurEngine(Path(tempfile.mkdtemp(prefix="nat", dir=short_folder)), "--storage-driver=native")
    try:
        docker.theirs(engine.start().host)("load", "-i", str(busybox_archive))
        yield engine
    finally:
        engine.close()


def test_whole_copies_are_compared(native_engine: OurEngine) -> None:
    client = docker.ours(native_engine.host)
    client("run", "--name", "box", "busybox", "sh", "-c", "echo >/new; rm /etc/group; mkdir -p /a/b; chmod 700 /usr")
    assert client("diff", "box").splitlines() == ["A /a", "A /a/b", "C /etc", "D /etc/group", "A /new", "C /usr"]
    client("rm", "box")
    assert client("ps", "-aq") == ""
