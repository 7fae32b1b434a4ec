"""The original containerd and its shim run containers with our runc (`ctr --runc-binary`)."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.our_runc import write_launcher
from tests.support.paths import PEERS_HOME
from tests.support.peers import OriginalContainerd
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]


@pytest.fixture
def rootfs(containerd: OriginalContainerd) -> Iterator[Path]:
    path = containerd.folder / "rootfs"
    (path / "bin").mkdir(parents=True)
    shutil.copy(PEERS_HOME / "trixie/bin/busybox", path / "bin/busybox")
    for applet in ("sh", "id", "sleep", "cat"):
        (path / "bin" / applet).symlink_to("busybox")
    yield path
    shutil.rmtree(path)


def run(containerd: OriginalContainerd, rootfs: Path, *words: str) -> "tuple[int, str, str]":
    launcher = write_launcher(containerd.folder / "bin")
    done = containerd.ctr("run", "--runc-binary", str(launcher), "--rootfs", *words)
    return done.returncode, done.stdout, done.stderr


def test_output_and_status_come_through(containerd: OriginalContainerd, rootfs: Path) -> None:
    script = "id -u; cat /proc/self/status; exit 7"
    status, out, err = run(containerd, rootfs, "--rm", str(rootfs), "c1", "/bin/sh", "-c", script)
    assert status == 7, err
    assert out.startswith("0\n")
    assert "NoNewPrivs:\t1" in out


def test_an_error_of_runc_is_read_from_its_log(containerd: OriginalContainerd, rootfs: Path) -> None:
    _, _, err = run(containerd, rootfs, "--rm", str(rootfs), "c2", "/nope")
    assert 'exec: "/nope": stat /nope: no such file or directory' in err


def test_a_task_lives_through_exec_pause_and_kill(containerd: OriginalContainerd, rootfs: Path) -> None:
    status, _, err = run(containerd, rootfs, "-d", str(rootfs), "c3", "/bin/sleep", "100")
    assert status == 0, err

    def row() -> list[str]:
        return next((line.split() for line in containerd.ctr("task", "ls").stdout.splitlines() if "c3" in line), [])

    try:
        assert row()[2] == "RUNNING"
        assert containerd.ctr("task", "exec", "--exec-id", "e1", "c3", "/bin/id", "-u").stdout == "0\n"
        assert row()[1] in containerd.ctr("task", "ps", "c3").stdout
        containerd.ctr("task", "pause", "c3").check_returncode()
        assert row()[2] == "PAUSED"
        containerd.ctr("task", "resume", "c3").check_returncode()
        containerd.ctr("task", "kill", "--signal", "KILL", "c3").check_returncode()
        wait_until(lambda: row()[2] == "STOPPED", "the task to stop")
    finally:
        containerd.ctr("task", "rm", "--force", "c3")
        containerd.ctr("container", "rm", "c3")


def test_the_usage_of_a_task_is_told(containerd: OriginalContainerd, rootfs: Path) -> None:
    status, _, err = run(containerd, rootfs, "-d", str(rootfs), "c4", "/bin/sleep", "100")
    assert status == 0, err
    try:
        told = containerd.ctr("task", "metrics", "c4").stdout
        assert "memory.usage_in_bytes" in told
        assert "pids.current" in told
    finally:
        containerd.ctr("task", "rm", "--force", "c4")
        containerd.ctr("container", "rm", "c4")


def test_a_task_without_memory_is_killed(containerd: OriginalContainerd, rootfs: Path) -> None:
    limit = ("--memory-limit", str(20 << 20))
    script = "x=a; while :; do x=$x$x; done"
    status, _, _ = run(containerd, rootfs, "--rm", *limit, str(rootfs), "c5", "/bin/sh", "-c", script)
    assert status == 137
