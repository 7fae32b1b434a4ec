"""Snapshots that somebody removed, or a power cut took: images are unpacked again, containers start all the same."""

import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import docker, images, peers
from tests.support.engine import OurEngine

pytestmark = [pytest.mark.root, pytest.mark.peers]
Ctr = Callable[..., str]


@pytest.fixture
def archive(tmp_path: Path, busybox_archive: Path) -> Path:
    """An image whose layers nobody shares."""
    files: dict[str, bytes | str] = {"bin/busybox": images.program_of(busybox_archive), "bin/sh": "-> busybox"}
    config = {"Cmd": ["sh", "-c", "echo here"]}
    return images.make(tmp_path / "lost.tar", "lost:latest", {**files, "own": b"lost"}, config)


@pytest.fixture
def client(fresh_engine: OurEngine, archive: Path) -> Iterator[docker.Docker]:
    client = docker.theirs(fresh_engine.host)
    client("load", "-i", str(archive))
    yield client
    client.remove_all_containers()
    client("rmi", "-f", "lost")


@pytest.fixture
def ctr(fresh_engine: OurEngine, sid: str) -> Ctr:
    program = str(peers.install(sid) / "usr/bin/ctr")
    command = [program, "--address", fresh_engine.containerd_address, "-n", "moby"]
    return lambda *arguments: fresh_engine.sandbox.run(*command, *arguments).stdout


def chain_of(archive: Path) -> str:
    """Of one layer the name of its snapshot is its plain digest."""
    with tarfile.open(archive) as whole:
        (manifest,) = json.load(whole.extractfile("manifest.json"))  # type: ignore[arg-type]
        config = json.load(whole.extractfile(manifest["Config"]))
    return str(config["rootfs"]["diff_ids"][0])


def test_an_image_that_is_not_unpacked_is_when_it_is_run(client: docker.Docker, ctr: Ctr, archive: Path) -> None:
    ctr("snapshots", "rm", chain_of(archive))
    assert client("run", "--rm", "--network=none", "lost") == "here"


def test_a_container_whose_files_are_gone_starts_with_those_of_its_image(
    client: docker.Docker, ctr: Ctr, archive: Path, fresh_engine: OurEngine
) -> None:
    """Its own daemon keeps in memory where they are: it is another one that finds nothing."""
    container = client("create", "--network=none", "--name", "box", "lost")
    ctr("snapshots", "rm", container)
    ctr("snapshots", "rm", chain_of(archive))
    fresh_engine.kill_both()
    fresh_engine.start()
    assert client("start", "-a", "box") == "here"
    assert client("inspect", "-f", "{{.State.ExitCode}}", "box") == "0"
