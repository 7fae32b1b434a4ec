"""Our runc in the place of the original's, under Docker and Podman, of both trees: what a user does all day."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cgroup_folders, docker, ordinary_user, peers
from tests.support.docker import Docker
from tests.support.our_runc import engine_with_ours, write_launcher
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]


GROUP = f"slipway-podman-{os.getpid()}"


class Podman:
    """One Podman with a store of its own, in a tree of the originals. No daemon; a conmon for each container."""

    def __init__(self, suite: str, folder: Path, *, rootless: bool) -> None:
        home = folder / "home"
        home.mkdir(parents=True)
        self.suite, self.folder = suite, folder
        # By the program's name it knows whether the runtime's log can be JSON: it must be `runc`.
        launcher = write_launcher(folder / "bin")
        argv, environment = peers.enter(suite, "sleep", "infinity", share=folder, bind=(CHECKOUT,))
        self._holder = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL)
        wait_until(lambda: Path(f"/proc/{self._holder.pid}/comm").read_text() == "sleep\n", "the tree to be entered")
        enter = ["nsenter", "-t", str(self._holder.pid), "-m", "--root", "--wd", "--"]
        identity = ordinary_user.IDENTITY if rootless else []
        if rootless:
            ordinary_user.make_known(enter, folder)
            ordinary_user.give(home)
        places = ("--root", f"{home}/root", "--runroot", f"{home}/run", "--tmpdir", f"{home}/tmp")
        ways = ("--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", str(launcher))
        self.client = Docker(
            name=f"{'rootless ' if rootless else ''}podman of {suite}",
            program=(*identity, "podman", *places, *ways),
            host="",
            enter=(*enter, "env", "-C", str(home)),
            environment={"PODMAN_IGNORE_CGROUPSV1_WARNING": "1", "HOME": str(home), "XDG_RUNTIME_DIR": str(home)},
        )

    def stop(self) -> None:
        self.client.run("rm", "--all", "--force", "--time", "0")
        pause = self.folder / "home/libpod/tmp/pause.pid"  # of who holds an ordinary user's namespaces
        if pause.exists():
            os.kill(int(pause.read_text()), signal.SIGKILL)
        self._holder.kill()
        self._holder.wait()
        subprocess.run(["rm", "-rf", "--one-file-system", str(self.folder)], check=True)
        peers.forget_share(self.suite, self.folder)
        cgroup_folders.end_all_in(GROUP)


WITH_GROUPS = [
    pytest.param("dockerd sid", marks=pytest.mark.matrix),  # see also test_beside_the_original.py
    pytest.param("dockerd trixie", marks=pytest.mark.matrix),
    "podman trixie",
    pytest.param("podman sid", marks=pytest.mark.matrix),
]
"""On cgroup v1 an ordinary user has no control groups: nothing to pause by, or to limit."""
EVERY = [
    *WITH_GROUPS,
    "rootless-podman trixie",
    pytest.param("rootless-podman sid", marks=pytest.mark.matrix),
]
with_groups = pytest.mark.parametrize("client", WITH_GROUPS, indirect=True, scope="module")
every = pytest.mark.parametrize("client", EVERY, indirect=True, scope="module")


@pytest.fixture(scope="module")
def client(
    request: pytest.FixtureRequest, machine_unchanged: None, short_folder: Path, busybox_archive: Path
) -> Iterator[Docker]:
    kind, suite = request.param.split()
    if kind.endswith("podman"):
        podman = Podman(suite, short_folder / f"{kind[0]}-{suite}", rootless=kind.startswith("rootless"))
        client, stop = podman.client, podman.stop
    elif suite == "sid":
        client, stop = docker.theirs(request.getfixturevalue("dockerd").host), lambda: None
    else:
        engine = engine_with_ours(suite, short_folder / f"d-{suite}")
        client, stop = docker.theirs(engine.host), engine.stop
    try:
        client("load", "-i", str(busybox_archive))
        yield client
    finally:
        stop()


@pytest.fixture
def box(client: Docker) -> Iterator[str]:
    """A running container, made by our runc, with a limit of memory."""
    limit = [] if is_rootless(client) else ["-m", "64m"]
    client(*run(client), "-d", "--name", "box", *limit, "busybox", "sleep", "1000")
    yield "box"
    client.run("kill", "-s", "KILL", "box")  # Podman would first ask `sleep`, which is deaf as process 1
    client.run("rm", "-f", "box")


def is_rootless(client: Docker) -> bool:
    return client.name.startswith("rootless")


def run(client: Docker) -> list[str]:
    """Podman is told its runtime once and for all; but below which group its containers are, each time."""
    if "podman" not in client.name:
        return ["run", "--runtime", "ours", "--network", "none"]
    place = [] if is_rootless(client) else ["--cgroup-parent", f"/{GROUP}"]
    return ["run", *place, "--network", "none"]


@every
def test_run(client: Docker) -> None:
    done = client.run(*run(client), "--rm", "busybox", "sh", "-c", "id -u; echo bad >&2; exit 7")
    assert (done.status, done.out, done.err) == (7, "0\n", "bad\n")


@every
def test_a_program_that_is_not_there(client: Docker) -> None:
    done = client.run(*run(client), "--rm", "busybox", "/nope")
    assert done.status == 127
    assert 'exec: "/nope": stat /nope: no such file or directory' in done.err


@every
def test_exec(client: Docker, box: str) -> None:
    assert client("exec", "-u", "5:6", box, "id", "-u") == "5"
    assert client.run("exec", box, "sh", "-c", "exit 9").status == 9


@with_groups
def test_pause(client: Docker, box: str) -> None:
    client("pause", box)
    assert client("inspect", "-f", "{{.State.Status}}", box) == "paused"
    client("unpause", box)
    assert client("exec", box, "echo", "again") == "again"


@with_groups
def test_stats(client: Docker, box: str) -> None:
    limit = "67.11MB" if "podman" in client.name else "64MiB"
    assert limit in client("stats", "--no-stream", box)
    assert "sleep 1000" in client("top", box)


@with_groups
def test_update(client: Docker, box: str) -> None:
    client("update", "--memory", "128m", "--memory-swap", "256m", box)
    assert client("inspect", "-f", "{{.HostConfig.Memory}}", box) == f"{128 << 20}"
    script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max"
    assert client("exec", box, "sh", "-c", script) == f"{128 << 20}"


@every
def test_kill(client: Docker, box: str) -> None:
    client("kill", "-s", "KILL", box)
    assert client("wait", box) == "137"
    assert client("inspect", "-f", "{{.State.OOMKilled}}", box) == "false"


@with_groups
def test_out_of_memory(client: Docker) -> None:
    script = "x=a; while :; do x=$x$x; done"
    done = client.run(*run(client), "--name", "fat", "-m", "20m", "busybox", "sh", "-c", script)
    assert done.status == 137, done
    assert client("inspect", "-f", "{{.State.OOMKilled}}", "fat") == "true"
    client("rm", "fat")
