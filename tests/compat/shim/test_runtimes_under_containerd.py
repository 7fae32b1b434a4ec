"""The original containerd, 1.7 and 2.1, with our shim over crun, and with our shim by its path."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.foreign_runtimes import no_hybrid_groups
from tests.support.paths import CHECKOUT
from tests.support.peers import SUITES, OriginalContainerd
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers, pytest.mark.matrix]


@pytest.fixture(scope="module", params=sorted(SUITES))
def original(
    request: pytest.FixtureRequest, machine_unchanged: None, short_folder: Path, shim_folder: Path, rootfs: Path
) -> Iterator[OriginalContainerd]:
    """Where no controller is left to cgroup v2 beside v1."""
    suite = request.param
    with no_hybrid_groups(short_folder / f"groups-{suite}", f"slipway-{short_folder.name}") as enter:
        folder = short_folder / f"crun-{suite}"
        containerd = OriginalContainerd(
            suite, folder, bind=(CHECKOUT, shim_folder, rootfs), path=str(shim_folder), under=enter
        )
        try:
            yield containerd
        finally:
            containerd.stop()


RUNTIMES = {
    "crun": ["--runc-binary", "crun"],
    "crun by path": ["--runc-binary", "/usr/bin/crun"],
    "shim by path": ["--runtime", "SHIM"],
}


@pytest.mark.parametrize("options", RUNTIMES.values(), ids=RUNTIMES)
def test_a_container_lives(original: OriginalContainerd, shim_folder: Path, rootfs: Path, options: list[str]) -> None:
    """Our shim by its path has no options: it takes our runc."""
    name = f"shim-{os.urandom(4).hex()}"
    shim = str(shim_folder / "containerd-shim-runc-v2")
    start = ["run", "--rootfs", *(shim if word == "SHIM" else word for word in options)]
    done = original.ctr(*start, "--rm", str(rootfs), f"{name}-1", "/bin/sh", "-c", "echo out; exit 42")
    assert (done.stdout, done.returncode) == ("out\n", 42), done.stderr
    done = original.ctr(*start, "-d", str(rootfs), name, "/bin/sleep", "1000")
    assert done.returncode == 0, done.stderr

    def status() -> str:
        rows = [line.split() for line in original.ctr("task", "ls").stdout.splitlines()]
        return next((row[2] for row in rows if row[0] == name), "")

    done = original.ctr("task", "exec", "--exec-id", "e", name, "/bin/sh", "-c", "echo inside; exit 7")
    assert (done.stdout, done.returncode) == ("inside\n", 7), done.stderr
    for verb, after in (("pause", "PAUSED"), ("resume", "RUNNING")):
        assert original.ctr("task", verb, name).returncode == 0
        assert status() == after
    assert "pids.current" in original.ctr("task", "metrics", name).stdout
    original.ctr("task", "kill", "-s", "KILL", name)
    wait_until(lambda: status() == "STOPPED", "the end of the task")
    assert "137" in original.ctr("task", "rm", name).stderr
    assert original.ctr("container", "rm", name).returncode == 0
