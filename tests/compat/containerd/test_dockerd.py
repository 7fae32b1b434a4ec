"""The original dockerd (26.1 and 28.5) runs its containers on our containerd."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import images, peers
from tests.support.docker import Docker, theirs
from tests.support.paths import LAUNCHERS
from tests.support.waiting import wait_until


@pytest.fixture(params=sorted(peers.SUITES))
def original(request: pytest.FixtureRequest, fresh: OurContainerd) -> Iterator[Docker]:
    """Docker's client on the original dockerd of one suite, which stands on our containerd."""
    tree = peers.install(request.param)
    folder = fresh.folder / "docker"
    folder.mkdir()
    socket = folder / "docker.sock"
    flags = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--userland-proxy=false"]
    places = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
    names = [f"--host=unix://{socket}", f"--containerd={fresh.address}", f"--cgroup-parent={fresh.namespace}"]
    with open(folder / "log", "wb") as log:
        dockerd = fresh.sandbox.popen(
            [str(tree / "usr/sbin/dockerd"), *flags, *places, *names],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={
                "PATH": f"{LAUNCHERS}:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/nonexistent",
            },  # it asks runc what it can
        )
    try:
        wait_until(lambda: _is_serving(dockerd, (folder / "log").read_text()), "the original dockerd to serve", 30)
        client = theirs(f"unix://{socket}")
        client.run("load", "-i", str(images.busybox()))
        yield client
    finally:
        dockerd.terminate()
        dockerd.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _is_serving(dockerd: "subprocess.Popen[bytes]", log: str) -> bool:
    assert dockerd.poll() is None, f"the original dockerd ended:\n{log}"
    return "API listen on" in log


def test_it_runs_what_it_is_told(original: Docker) -> None:
    """One start of dockerd costs seconds; so one story of many parts."""
    assert original("run", "--rm", "--network=none", "busybox", "echo", "hello") == "hello"
    assert original.run("run", "--rm", "--network=none", "busybox", "sh", "-c", "exit 42").status == 42
    assert original("run", "-i", "--rm", "--network=none", "busybox", "cat", stdin="piped") == "piped"
    assert original.run("run", "--rm", "--network=none", "busybox", "/no/such").status == 127


def test_a_container_of_it_through_its_life(original: Docker, fresh: OurContainerd) -> None:
    identifier = original("run", "-d", "--name", "life", "--network=host", "busybox", "sleep", "1000")
    pid = original("inspect", "-f", "{{.State.Pid}}", "life")
    tasks = fresh.ctr("--namespace", "moby", "task", "ls").stdout.decode().split()
    assert tasks[tasks.index(identifier) + 1 :][:2] == [pid, "RUNNING"]
    assert original("exec", "life", "echo", "inside") == "inside"
    assert original.run("exec", "life", "sh", "-c", "exit 3").status == 3
    original("pause", "life")
    assert original("inspect", "-f", "{{.State.Status}}", "life") == "paused"
    original("unpause", "life")
    assert original("stats", "--no-stream", "--format", "{{.PIDs}}", "life") == "1"
    original("kill", "life")
    assert original("wait", "life") == "137"
    original("start", "life")
    original("stop", "-t", "1", "life")
    assert original("inspect", "-f", "{{.State.ExitCode}}", "life") == "137"
    original("rm", "life")
    assert fresh.ctr("--namespace", "moby", "container", "ls", "-q").stdout == b""


def test_its_containers_survive_our_death(original: Docker, fresh: OurContainerd) -> None:
    original("run", "-d", "--name", "survivor", "--network=none", "busybox", "sleep", "1000")
    fresh.kill()
    fresh.start()
    wait_until(lambda: original.run("exec", "survivor", "true").status == 0, "exec to work again", 30)
    assert original("inspect", "-f", "{{.State.Status}}", "survivor") == "running"
    original("rm", "-f", "survivor")
