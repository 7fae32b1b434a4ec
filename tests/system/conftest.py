"""Both engines with the same images and a registry each; the columns in which a test runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.support.registry import Registry, fill
from tests.support.web_server import WebServer


@pytest.fixture(scope="session")
def registry_folder(short_folder: Path, original_with_images: OriginalEngine) -> Path:
    """A registry's storage with busybox in it, pushed by the original."""
    return fill(short_folder / "registry", original_with_images, ("busybox",))


@pytest.fixture(scope="session")
def original_with_images(original_engine: OriginalEngine, busybox_archive: Path) -> OriginalEngine:
    docker.theirs(original_engine.host)("load", "-i", str(busybox_archive))
    return original_engine


@pytest.fixture(scope="session")
def original(original_with_images: OriginalEngine, registry_folder: Path) -> Iterator[OriginalEngine]:
    """The original with busybox loaded, a registry at 127.0.0.1:5000 of its network, and files on its web server."""
    with Registry(registry_folder, original_with_images.enter), WebServer(original_with_images.enter):
        yield original_with_images


@pytest.fixture(scope="session")
def ours(our_engine: OurEngine, busybox_archive: Path, registry_folder: Path) -> Iterator[OurEngine]:
    """Our engine with busybox loaded, a registry at 127.0.0.1:5000 of its network, and files on its web server."""
    docker.theirs(our_engine.host)("load", "-i", str(busybox_archive))
    with Registry(registry_folder, our_engine.enter), WebServer(our_engine.enter):
        yield our_engine


# The original proves the test itself: what passes there too is Docker's behaviour. Not in the sample.
COLUMNS = ("our-client", "their-client", pytest.param("original", marks=pytest.mark.matrix))


class Column(NamedTuple):
    """A client, and what leads into its engine's network (put before a command)."""

    client: docker.Docker
    enter: list[str]


@pytest.fixture(params=COLUMNS[1:])
def any_network(request: pytest.FixtureRequest) -> Iterator[Column]:
    """Docker's client on our engine, then on the original, with the way into the engine's network. Left empty."""
    engine: OurEngine | OriginalEngine = request.getfixturevalue("original" if request.param == "original" else "ours")
    client = docker.theirs(engine.host)
    yield Column(client, engine.enter)
    client.remove_all_containers()


@pytest.fixture(params=COLUMNS)
def any_engine(request: pytest.FixtureRequest) -> Iterator[docker.Docker]:
    """Each column in turn: our client on our engine, Docker's on ours, Docker's on the original. Left empty."""
    if request.param == "original":
        client = docker.theirs(request.getfixturevalue("original").host)
    else:
        host = request.getfixturevalue("ours").host
        client = docker.ours(host) if request.param == "our-client" else docker.theirs(host)
    yield client
    client.remove_all_containers()
