"""A prune removes what its filters leave, and nothing else: on both engines, by both clients."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.docker import Docker

MINE = ("--filter", "label=pruned")


@pytest.fixture
def engine(any_engine: Docker) -> Iterator[Docker]:
    """With a container of busybox, so that no prune that takes too much hurts another test."""
    any_engine("create", "--name", "box", "busybox", "true")
    yield any_engine
    any_engine.run("volume", "rm", "-f", "kept", "gone", "used")
    any_engine.run("rmi", "-f", "prune:kept", "prune:gone", "prune:used")


def volumes(client: Docker) -> list[str]:
    return client("volume", "ls", "-q", *MINE).split()


def images(client: Docker) -> list[str]:
    return sorted(client("images", "--format", "{{.Tag}}", *MINE).split())


def test_volumes_go_by_their_labels(engine: Docker) -> None:
    engine("volume", "create", "--label", "pruned=1", "--label", "keep=yes", "kept")
    engine("volume", "create", "--label", "pruned=1", "gone")
    engine("volume", "create", "--label", "pruned=1", "used")
    engine("create", "--name", "box1", "-v", "used:/x", "busybox", "true")
    engine("volume", "prune", "-f", *MINE)  # of anonymous ones, and there is none
    assert volumes(engine) == ["gone", "kept", "used"]
    refused = engine.run("volume", "prune", "-af", *MINE, "--filter", "until=1h")
    assert (refused.status, volumes(engine)) == (1, ["gone", "kept", "used"])
    engine("volume", "prune", "-af", *MINE, "--filter", "label!=keep=yes")
    assert volumes(engine) == ["kept", "used"]


def test_images_go_by_labels_and_age(engine: Docker, tmp_path: Path) -> None:
    archive = tmp_path / "rootfs.tar"
    with tarfile.open(archive, "w") as tar:
        entry = tarfile.TarInfo("true")
        entry.size, entry.mode = 1, 0o755
        tar.addfile(entry, io.BytesIO(b"x"))
    for name, change in (("kept", "LABEL keep=yes"), ("gone", "LABEL a=b"), ("used", "LABEL c=d")):
        flags = ("--change", "LABEL pruned=1", "--change", change, "--change", 'CMD ["/true"]')
        engine("import", *flags, str(archive), f"prune:{name}")
    engine("create", "--name", "box1", "prune:used")
    engine("image", "prune", "-f", *MINE)  # of those without a name, and there is none
    engine("image", "prune", "-af", *MINE, "--filter", "until=24h")
    assert images(engine) == ["gone", "kept", "used"]
    refused = engine.run("image", "prune", "-af", *MINE, "--filter", "until=soon")
    assert (refused.status, images(engine)) == (1, ["gone", "kept", "used"])
    engine("image", "prune", "-af", *MINE, "--filter", "label!=keep")
    assert images(engine) == ["kept", "used"]


def test_containers_go_by_labels_and_age(engine: Docker) -> None:
    engine("create", "--name", "box1", "--label", "pruned=1", "--label", "keep", "busybox", "true")
    engine("create", "--name", "box2", "--label", "pruned=1", "busybox", "true")
    engine("container", "prune", "-f", *MINE, "--filter", "until=24h")
    assert engine("ps", "-a", "--format", "{{.Names}}", *MINE).split() == ["box2", "box1"]
    engine("container", "prune", "-f", *MINE, "--filter", "label!=keep")
    assert engine("ps", "-a", "--format", "{{.Names}}", *MINE).split() == ["box1"]
