"""The original dockerd (26.1 and 28.5) runs its containers on our containerd: given one, or starting it itself."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import cgroup_folders, images, peers, processes
from tests.support.docker import Docker, theirs
from tests.support.paths import LAUNCHERS
from tests.support.programs import Programs
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]


@dataclass(frozen=True, slots=True)
class Original:
    """Docker's client on an original dockerd, and its containerd's socket, which is ours."""

    client: Docker
    containerd: str
    ours: OurContainerd
    suite: str
    is_given: bool

    def crash(self) -> None:
        """Let our containerd die and come back; dockerd itself starts its child anew."""
        if self.is_given:
            self.ours.kill()
            self.ours.start()
        else:
            processes.end(p for p in processes.mentioning(f"{self.ours.folder}/docker") if "--config " in p.command)

    def ctr(self, *arguments: str) -> str:
        program = peers.PEERS_HOME / self.suite / "usr/bin/ctr"
        return self.ours.sandbox.run(program, "--address", self.containerd, "--namespace", "moby", *arguments).stdout


CASES = [
    "sid given overlay2",
    "sid child containerd-snapshotter",
    *(
        pytest.param(f"{suite} {way} {store}", marks=pytest.mark.matrix)
        for suite, way, store in (
            ("sid", "given", "containerd-snapshotter"),
            ("sid", "child", "overlay2"),
            ("trixie", "given", "containerd-snapshotter"),
            ("trixie", "child", "overlay2"),
            ("trixie", "child", "containerd-snapshotter"),
        )
    ),
    "trixie given overlay2",
]
"""By `--containerd`, or as dockerd's own child: `containerd --config FILE`, found on PATH. And where its images are."""


@pytest.fixture(scope="module", params=CASES)
def original(request: pytest.FixtureRequest, machine_unchanged: None, short_folder: Path) -> Iterator[Original]:
    """busybox is loaded."""
    suite, way, store = request.param.split()
    ours = OurContainerd(short_folder / f"dd{suite[0]}{way[0]}{store[0]}")
    try:
        if way == "given":
            ours.start()
        yield from _dockerd(ours, suite, way, store)
    finally:
        ours.close()


def _dockerd(ours: OurContainerd, suite: str, way: str, store: str) -> Iterator[Original]:
    folder = ours.folder / "docker"
    folder.mkdir()
    programs = folder / "programs"
    programs.mkdir()
    (programs / "containerd").symlink_to(Programs.containerd())
    socket = folder / "docker.sock"
    features = {"containerd-snapshotter": store == "containerd-snapshotter"}
    (folder / "daemon.json").write_text(json.dumps({"features": features}))
    flags = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--userland-proxy=false"]
    places = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
    names = [f"--host=unix://{socket}", f"--cgroup-parent={ours.namespace}", f"--config-file={folder}/daemon.json"]
    given = [f"--containerd={ours.address}"] if way == "given" else []
    with open(folder / "log", "wb") as log:
        dockerd = ours.sandbox.popen(
            [peers.install(suite) / "usr/sbin/dockerd", *flags, *places, *names, *given],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={  # it asks runc what it can
                "PATH": f"{programs}:{LAUNCHERS}:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/nonexistent",
            },
        )
    try:
        wait_until(lambda: _is_serving(dockerd, (folder / "log").read_text()), "the original dockerd to serve", 30)
        client = theirs(f"unix://{socket}")
        client("load", "-i", str(images.busybox()))
        containerd = ours.address if given else f"{folder}/exec/containerd/containerd.sock"
        yield Original(client, containerd, ours, suite, way == "given")
        client.remove_all_containers()
    finally:
        dockerd.terminate()
        dockerd.wait(30)
        cgroup_folders.end_all_in(ours.namespace)
        processes.end(processes.mentioning(str(folder)))
        shutil.rmtree(folder, ignore_errors=True)


def _is_serving(dockerd: "subprocess.Popen[bytes]", log: str) -> bool:
    assert dockerd.poll() is None, f"the original dockerd ended:\n{log}"
    return "API listen on" in log


def test_it_runs_what_it_is_told(original: Original) -> None:
    client = original.client
    assert client("run", "--rm", "--network=none", "busybox", "echo", "hello") == "hello"
    assert client.run("run", "--rm", "--network=none", "busybox", "sh", "-c", "exit 42").status == 42
    assert client("run", "-i", "--rm", "--network=none", "busybox", "cat", stdin="piped") == "piped"
    assert client.run("run", "--rm", "--network=none", "busybox", "/no/such").status == 127


def test_a_container_of_it_through_its_life(original: Original) -> None:
    client = original.client
    identifier = client("run", "-d", "--name", "life", "--network=host", "busybox", "sleep", "1000")
    pid = client("inspect", "-f", "{{.State.Pid}}", "life")
    tasks = original.ctr("task", "ls").split()
    assert tasks[tasks.index(identifier) + 1 :][:2] == [pid, "RUNNING"]
    assert client("exec", "life", "echo", "inside") == "inside"
    assert client.run("exec", "life", "sh", "-c", "exit 3").status == 3
    client("pause", "life")
    assert client("inspect", "-f", "{{.State.Status}}", "life") == "paused"
    client("unpause", "life")
    assert client("stats", "--no-stream", "--format", "{{.PIDs}}", "life") == "1"
    client("kill", "life")
    assert client("wait", "life") == "137"
    client("start", "life")
    client("stop", "-t", "1", "life")
    assert client("inspect", "-f", "{{.State.ExitCode}}", "life") == "137"
    client("rm", "life")
    assert original.ctr("container", "ls", "-q") == ""


def test_images_are_committed_saved_and_loaded(original: Original, tmp_path: Path) -> None:
    client = original.client
    client("run", "--name", "made", "--network=none", "busybox", "sh", "-c", "echo kept >/kept")
    client("commit", "made", "committed:1")
    client("rm", "made")
    client("save", "-o", str(tmp_path / "saved.tar"), "committed:1")
    client("rmi", "committed:1")
    assert client("images", "-q", "committed") == ""
    client("load", "-i", str(tmp_path / "saved.tar"))
    assert client("run", "--rm", "--network=none", "committed:1", "cat", "/kept") == "kept"
    client("rmi", "committed:1")


def test_its_containers_survive_our_death(original: Original) -> None:
    client = original.client
    client("run", "-d", "--name", "survivor", "--network=none", "busybox", "sleep", "1000")
    original.crash()
    wait_until(lambda: client.run("exec", "survivor", "true").status == 0, "exec to work again", 30)
    assert client("inspect", "-f", "{{.State.Status}}", "survivor") == "running"
    client("rm", "-f", "survivor")
