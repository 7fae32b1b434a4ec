"""What a daemon finds after another boot of the machine, played with a daemon that is killed: real cuts are in
tests/system/test_power_cuts.py."""

import sqlite3
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import images

pytestmark = [pytest.mark.root, pytest.mark.peers]
IMAGE = "docker.io/library/busybox:latest"


def cut_power(daemon: OurContainerd) -> None:
    """Kill it, and leave of its files what a disk may have: rows, and blobs, and empty files."""
    daemon.kill()
    root = daemon.folder / "root"
    connection = sqlite3.connect(root / "io.containerd.metadata.v1.bolt/metadata.db")
    with connection:
        connection.execute("UPDATE boots SET boot = 'another'")
        connection.execute("UPDATE snapshots SET state = 0")
    connection.close()
    for path in (root / "io.containerd.snapshotter.v1.overlayfs/snapshots").rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(b"")
    for path in (root / "io.containerd.content.v1.content/ingest").glob("*/data"):
        path.write_bytes(bytes(path.stat().st_size))


def test_images_run_and_containers_start_again(fresh: OurContainerd) -> None:
    fresh.ctr("images", "import", images.busybox())
    assert fresh.ctr("run", IMAGE, "c", "echo", "of a container").stdout == b"of a container\n"
    fresh.ctr("content", "ingest", "--expected-digest", "sha256:" + "0" * 64, "half", stdin=b"x" * 1000, check=False)
    assert b"half" in fresh.ctr("content", "active").stdout
    cut_power(fresh)
    fresh.start()
    assert fresh.ctr("task", "start", "c").stdout == b"of a container\n"
    assert fresh.ctr("run", "--rm", IMAGE, "i", "echo", "of the image").stdout == b"of the image\n"
    assert b"half" not in fresh.ctr("content", "active").stdout
    fresh.ctr("container", "rm", "c")


def test_a_client_unpacks_what_is_gone_for_good(fresh: OurContainerd) -> None:
    """No content makes the snapshot by its label, so it is forgotten; the image still has all that a client needs."""
    fresh.ctr("images", "import", "--local", images.busybox())
    for line in fresh.ctr("content", "ls").stdout.decode().splitlines()[1:]:
        fresh.ctr("content", "label", line.split()[0], "containerd.io/uncompressed=sha256:" + "0" * 64)
    cut_power(fresh)
    fresh.start()
    assert len(fresh.ctr("snapshots", "ls").stdout.splitlines()) == 1
    assert fresh.ctr("run", "--rm", IMAGE, "i", "echo", "of the image").stdout == b"of the image\n"


def test_a_daemon_that_is_killed_trusts_what_the_kernel_has(fresh: OurContainerd) -> None:
    fresh.ctr("images", "import", images.busybox())
    fresh.kill()
    fresh.start()
    (snapshot,) = (fresh.folder / "root/io.containerd.snapshotter.v1.overlayfs/snapshots").iterdir()
    before = snapshot.stat().st_ino
    assert fresh.ctr("run", "--rm", IMAGE, "i", "echo", "of the image").stdout == b"of the image\n"
    assert Path(snapshot).stat().st_ino == before, "it was made again"
