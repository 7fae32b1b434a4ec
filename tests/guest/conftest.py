"""One engine for all tests of the guest: it is emulated, and each start of a program there costs a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guest.client import Client
from tests.support import docker, images
from tests.support.engine import OurEngine


@pytest.fixture(scope="session")
def engine(short_folder: Path) -> Iterator[OurEngine]:
    engine = OurEngine(short_folder / "ours")
    try:
        yield engine.start(seconds=100)
    finally:
        engine.close()


@pytest.fixture(scope="session")
def client(engine: OurEngine) -> Client:
    client = Client(docker.ours(engine.host))
    client("load", "-i", str(images.busybox()))
    return client


@pytest.fixture(scope="session")
def limited(client: Client) -> str:
    """The id of a running container with limits: a web server whose port 80 is published at 18080."""
    limits = ("-m", "64m", "--cpus", "0.5", "--pids-limit", "42")
    return client("run", "-d", *limits, "-p", "18080:80", "busybox", "httpd", "-f", "-h", "/etc")


@pytest.fixture(scope="session")
def group(limited: str, engine: OurEngine) -> Path:
    """The control group of `limited`."""
    return Path("/sys/fs/cgroup") / engine.cgroup_parent / limited
