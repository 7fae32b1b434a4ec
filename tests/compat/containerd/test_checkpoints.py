"""The originals' `ctr` saves tasks of our containerd, shim and runc, and brings them back, by Debian's criu."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import images, peers
from tests.support.paths import LAUNCHERS
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]

IMAGE = "docker.io/library/busybox:latest"
COUNT = "i=0; while [ ! -e /go ]; do i=$((i+1)); echo $i >/count; sleep 0.05; done; exit 7"


@pytest.fixture(scope="module")
def ours(machine_unchanged: None, short_folder: Path, sid: str) -> Iterator[OurContainerd]:
    """Our containerd with criu on its PATH, and an image."""
    daemon = OurContainerd(Path(tempfile.mkdtemp(prefix="cd", dir=short_folder)))
    daemon.path = f"{peers.criu(daemon.folder)}:{daemon.path}"
    try:
        daemon.start().ctr("images", "import", images.busybox())
        yield daemon
    finally:
        daemon.close()


@pytest.fixture(params=sorted(peers.SUITES))
def suite(request: pytest.FixtureRequest, ours: OurContainerd) -> Iterator[str]:
    """Whose `ctr` it is; what its test leaves is removed."""
    peers.install(request.param)
    yield request.param
    for task in ours.ctr("task", "ls", "-q").stdout.decode().split():
        ours.ctr("task", "rm", "-f", task, check=False)
    for container in ours.ctr("container", "ls", "-q").stdout.decode().split():
        ours.ctr("container", "rm", container)
    for name in ours.ctr("images", "ls", "-q").stdout.decode().split():
        if name != IMAGE:
            ours.ctr("images", "rm", "--sync", name)


def count(ours: OurContainerd, task: str) -> int:
    said = ours.ctr("task", "exec", "--exec-id", "count", task, "cat", "/count", check=False).stdout
    return int(said or 0)


def status(ours: OurContainerd, task: str) -> str:
    rows = [line.split() for line in ours.ctr("task", "ls").stdout.decode().splitlines()]
    return next((row[2] for row in rows if row[0] == task), "")


def counting(ours: OurContainerd, suite: str, *flags: str) -> None:
    ours.ctr("run", "-d", *flags, IMAGE, "c", "sh", "-c", COUNT, suite=suite)
    wait_until(lambda: count(ours, "c") > 3, "the container to count")


@pytest.mark.parametrize("streams", [["--null-io"], []], ids=["null", "fifos"])
def test_a_task_goes_on_in_another_container(ours: OurContainerd, suite: str, streams: list[str]) -> None:
    counting(ours, suite, *streams)
    ours.ctr("container", "checkpoint", "--task", "--rw", "--image", "c", "saved", suite=suite)
    assert status(ours, "c") == "RUNNING"
    reached = count(ours, "c")
    ours.ctr("task", "rm", "-f", "c")
    ours.ctr("container", "rm", "c")
    ours.ctr("container", "restore", "--rw", "--live", "d", "saved", suite=suite)
    assert status(ours, "d") == "RUNNING"
    wait_until(lambda: count(ours, "d") > reached, "the container to go on")
    assert count(ours, "d") < reached + 1000
    ours.ctr("task", "exec", "--exec-id", "go", "d", "touch", "/go")
    wait_until(lambda: status(ours, "d") == "STOPPED", "the container to end")
    assert b"7" in ours.ctr("task", "rm", "d", check=False).stderr
    ours.ctr("container", "rm", "d")
    bundles = ours.folder / "state/io.containerd.runtime.v2.task" / ours.namespace
    assert not list(bundles.iterdir())


def test_a_task_is_saved_into_a_folder_and_ends(ours: OurContainerd, suite: str) -> None:
    counting(ours, suite, "--null-io")
    places = ours.folder / suite
    words = ["--exit", "--image-path", places / "images", "--work-path", places / "work"]
    ours.ctr("task", "checkpoint", *words, "c", suite=suite)
    assert {"inventory.img", "descriptors.json"} <= {file.name for file in (places / "images").iterdir()}
    assert (places / "work/dump.log").exists()
    wait_until(lambda: status(ours, "c") == "STOPPED", "the container to end")
    ours.ctr("task", "rm", "c", check=False)
    assert status(ours, "c") == ""


def test_what_cannot_be_saved_is_told_with_the_log(ours: OurContainerd, suite: str) -> None:
    """A connection: criu saves none unless it is told to."""
    connect = "nc -l -p 99 <&8 & until nc 127.0.0.1 99 <&8; do sleep 0.05; done &"
    ours.ctr("run", "-d", "--null-io", IMAGE, "c", "sh", "-c", f"mkfifo /f; exec 8<>/f; {connect} {COUNT}", suite=suite)
    pid = int(ours.ctr("task", "ls").stdout.decode().splitlines()[1].split()[1])
    wait_until(lambda: " 01 " in Path(f"/proc/{pid}/net/tcp").read_text(), "the connection")
    wait_until(lambda: count(ours, "c") > 3, "the container to count")
    refused = ours.ctr("task", "checkpoint", "c", suite=suite, check=False)
    assert refused.returncode == 1
    words = refused.stderr.decode()
    assert "criu failed: type DUMP" in words
    log = Path(words.rpartition("path= ")[2].strip().removesuffix(": unknown"))
    assert "tcp-established" in log.read_text()
    assert status(ours, "c") == "RUNNING"
    ours.ctr("task", "rm", "-f", "c")
    assert not log.exists()


def test_an_image_that_is_no_checkpoint_makes_no_task(ours: OurContainerd, suite: str) -> None:
    counting(ours, suite, "--null-io")
    ours.ctr("container", "checkpoint", "--rw", "--image", "c", "saved", suite=suite)  # without the task
    refused = ours.ctr("container", "restore", "--rw", "--live", "d", "saved", suite=suite, check=False)
    assert refused.returncode == 1
    assert status(ours, "d") == ""


def test_without_criu_there_is_one_sentence(
    machine_unchanged: None, short_folder: Path, root_folder: Path, sid: str
) -> None:
    daemon = OurContainerd(Path(tempfile.mkdtemp(prefix="cd", dir=short_folder)))
    daemon.path = str(LAUNCHERS)
    try:
        daemon.start().ctr("run", "-d", "--null-io", "--rootfs", root_folder, "c", "/bin/sleep", "1000")
        refused = daemon.ctr("task", "checkpoint", "c", check=False)
        assert refused.returncode == 1
        assert b'exec: "criu": executable file not found in $PATH' in refused.stderr
        assert status(daemon, "c") == "RUNNING"
    finally:
        daemon.close()
