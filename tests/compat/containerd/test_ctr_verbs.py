"""The originals' `ctr` (containerd 1.7 and 2.1) on our containerd: each verb that test_ctr.py has not."""

import hashlib
import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.containerd.ctr import Ctr, row
from tests.integration.containerd.daemon import OurContainerd
from tests.support import images, peers
from tests.support.registry import ADDRESS

pytestmark = [pytest.mark.root, pytest.mark.peers]

IMAGE = "docker.io/library/busybox:latest"


@pytest.fixture(params=["sid", pytest.param("trixie", marks=pytest.mark.matrix)])
def ctr(request: pytest.FixtureRequest, shared: OurContainerd) -> Ctr:
    peers.install(request.param)
    return Ctr(shared, request.param)


@pytest.fixture
def image(ctr: Ctr) -> Iterator[str]:
    """An image, of which nothing is left in the end."""
    ctr("images", "import", images.busybox())
    yield IMAGE
    for name in ctr("images", "ls", "-q").split():
        ctr("images", "rm", "--sync", name)
    assert ctr("content", "ls", "-q") == ""


def digest_of(ctr: Ctr, name: str) -> str:
    return row(ctr("images", "ls"), name)[2]


def test_an_image_is_exported_and_comes_back(ctr: Ctr, image: str, tmp_path: Path) -> None:
    before = digest_of(ctr, image)
    ctr("images", "export", tmp_path / "archive.tar", image)
    ctr("images", "rm", "--sync", image)
    assert ctr("content", "ls", "-q") == ""
    ctr("images", "import", tmp_path / "archive.tar")
    assert digest_of(ctr, image) == before
    assert ctr("run", "--rm", image, "again", "echo", "from the archive") == "from the archive\n"


def test_an_image_is_checked_labelled_mounted_and_pruned(
    ctr: Ctr, image: str, shared: OurContainerd, tmp_path: Path
) -> None:
    assert "complete" in row(ctr("images", "check"), image)
    ctr("images", "label", image, "a=b")
    assert "a=b" in row(ctr("images", "ls"), image)[-1]
    ctr("images", "mount", image, tmp_path)
    assert shared.sandbox.run("readlink", tmp_path / "bin/sh").stdout.endswith("busybox\n")
    ctr("images", "unmount", "--rm", tmp_path)
    ctr("images", "tag", image, "docker.io/library/second:1")
    ctr("images", "prune", "--all")
    assert ctr("images", "ls", "-q") == ""


def test_snapshots_from_one_to_the_next(ctr: Ctr, shared: OurContainerd, tmp_path: Path) -> None:
    ctr("snapshots", "prepare", "first")
    mounts = ctr("snapshots", "mounts", tmp_path, "first")
    shared.sandbox.run("sh", "-c", f"{mounts.strip()} && echo one >{tmp_path}/file && umount {tmp_path}")
    ctr("snapshots", "label", "first", "a=b")
    assert json.loads(ctr("snapshots", "info", "first"))["Labels"]["a"] == "b"
    ctr("snapshots", "commit", "base", "first")
    assert row(ctr("snapshots", "ls"), "base") == ["base", "Committed"]
    ctr("snapshots", "prepare", "top", "base")
    assert f"{tmp_path} -o ro,rbind" in (shown := ctr("snapshots", "view", "-t", tmp_path, "seen", "base")), shown
    assert row(ctr("snapshots", "ls"), "top") == ["top", "base", "Active"]
    assert ctr("snapshots", "tree").split()[0] == "base"
    assert row(ctr("snapshots", "usage"), "base")[-1].isdigit()
    ctr.run("snapshots", "rm", "seen")  # nothing holds it: a collection may have been here before
    for key in ("top", "base"):
        ctr("snapshots", "rm", key)
    assert len(ctr("snapshots", "ls").splitlines()) == 1


def test_a_snapshot_s_difference_is_a_layer(ctr: Ctr, shared: OurContainerd, tmp_path: Path) -> None:
    ctr("snapshots", "prepare", "first")
    mounts = ctr("snapshots", "mounts", tmp_path, "first").strip()
    shared.sandbox.run("sh", "-c", f"{mounts} && echo one >{tmp_path}/a-file-of-it && umount {tmp_path}")
    told = ctr("snapshots", "diff", "--media-type", "application/vnd.oci.image.layer.v1.tar", "first")
    assert "a-file-of-it" in told
    ctr("snapshots", "rm", "first")


def test_layers_are_unpacked(ctr: Ctr) -> None:
    ctr("images", "import", "--no-unpack", images.busybox())
    assert len(ctr("snapshots", "ls").splitlines()) == 1
    ctr("snapshots", "unpack", digest_of(ctr, IMAGE))
    assert row(ctr("snapshots", "ls"), ctr("snapshots", "ls").splitlines()[1].split()[0])[1] == "Committed"
    ctr("images", "rm", "--sync", IMAGE)
    assert len(ctr("snapshots", "ls").splitlines()) == 1


def test_content_to_and_from_a_registry(ctr: Ctr, image: str, registry: None) -> None:
    name = f"{ADDRESS}/fetched:1"
    ctr("images", "tag", image, name)
    ctr("images", "push", "--local", "--plain-http", name)
    manifest = digest_of(ctr, name)
    assert json.loads(ctr("content", "fetch-object", "--plain-http", name, manifest))["schemaVersion"] == 2
    ctr("images", "rm", "--sync", image, name)
    assert ctr("content", "ls", "-q") == ""
    ctr("content", "fetch", "--plain-http", name)
    layers = json.loads(ctr("content", "get", manifest))["layers"]
    assert layers[0]["digest"] in ctr("content", "ls", "-q").split()
    fetched = ctr("content", "fetch-blob", "--plain-http", name, manifest)
    assert hashlib.sha256(fetched.encode()).hexdigest() == manifest.partition(":")[2]
    ctr(
        "content",
        "push-object",
        "--plain-http",
        f"{ADDRESS}/pushed-{ctr.suite}:1",
        manifest,
        "application/octet-stream",
    )


def test_content_is_edited_and_pruned(ctr: Ctr, image: str) -> None:
    manifest = digest_of(ctr, image)
    edited = ctr("content", "edit", "--editor", "sed -i s/schemaVersion/schemaVersioN/", manifest, "edited").strip()
    assert "schemaVersioN" in ctr("content", "get", edited)
    ctr("content", "rm", edited)
    ctr("content", "prune", "references")
    assert manifest in ctr("content", "ls", "-q").split()


def test_a_task_is_started_attached_to_and_deleted(ctr: Ctr, root_folder: Path, tmp_path: Path) -> None:
    script = "while read line; do echo got $line; [ $line = end ] && exit 5; done"
    ctr("container", "create", "--rootfs", root_folder, "c", "/bin/sh", "-c", script)
    ctr("task", "start", "--detach", "--fifo-dir", tmp_path, "c")
    assert row(ctr("task", "ls"), "c")[2] == "RUNNING"
    attached = ctr.run("task", "attach", "c", stdin=b"one\nend\n")
    assert (attached.stdout, attached.returncode) == (b"got one\ngot end\n", 5)
    ctr.run("task", "rm", "c")  # it tells the status, 5, by its own
    assert ctr("task", "ls", "-q") == ""
    ctr("container", "rm", "c")


def test_a_task_is_killed_and_measured(ctr: Ctr, root_folder: Path) -> None:
    ctr("run", "--rootfs", "-d", "--null-io", root_folder, "c", "/bin/sleep", "1000")
    measured = json.loads(ctr("task", "metrics", "--format", "json", "c"))
    assert measured["pids"]["current"] == 1
    ctr("task", "exec", "--exec-id", "e", "--detach", "c", "/bin/sleep", "1000")
    assert len(ctr("task", "ps", "c").splitlines()) == 3
    ctr("task", "kill", "--exec-id", "e", "-s", "KILL", "c")
    ctr("task", "kill", "--all", "-s", "KILL", "c")
    ctr("task", "rm", "--force", "c")
    ctr("container", "rm", "c")


def test_a_lease_with_an_end_and_one_without(ctr: Ctr) -> None:
    ctr("leases", "create", "--id", "short", "--expires", "1h", "a=b")
    labels = row(ctr("leases", "ls"), "short")[-1]
    assert "a=b" in labels
    assert "containerd.io/gc.expire=" in labels
    made = ctr("leases", "create").strip()
    assert row(ctr("leases", "ls"), made)
    ctr("leases", "rm", "--sync", "short", made)
    assert ctr("leases", "ls", "-q") == ""


def test_a_terminal_has_the_size_of_ctr_s(ctr: Ctr, root_folder: Path) -> None:
    """`ctr` tells it when the task runs, and reads no more when it has ended: the program waits for both."""
    inside = (
        'while [ "$(busybox stty size 2>/dev/null)" != "33 77" ]; do sleep 0.05; done; echo as told; read x; exit 3'
    )
    run = shlex.join(ctr.argv("run", "--rm", "-t", "--rootfs", root_folder, "t", "/bin/sh", "-c", inside))
    argv = ["script", "-qec", f"stty rows 33 cols 77; {run}", "/dev/null"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"as told"
        process.stdin.write(b"end\n")
        process.stdin.flush()
        assert process.wait(30) == 3
