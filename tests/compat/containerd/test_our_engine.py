"""The originals' `ctr` on the containerd below our dockerd: it shows what inspect shows, as under the original."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import docker, masks, peers
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.support.waiting import wait_until

Ctr = Callable[..., str]
SLEEPER = ("run", "-d", "--network=none", "--name=seen", "busybox", "sleep", "1000")


def ctr_on_ours(engine: OurEngine, suite: str) -> Ctr:
    """`ctr -n moby ARGUMENTS` of one suite on our containerd: its standard output."""
    program = str(peers.install(suite) / "usr/bin/ctr")

    def run(*arguments: str) -> str:
        command = [program, "--address", engine.containerd_address, "-n", "moby", *arguments]
        return engine.sandbox.run(*command).stdout

    return run


def ctr_on_the_original(engine: OriginalEngine) -> Ctr:
    enter = ["nsenter", "-t", str(engine.pid), "-m", "-n", "--root", "--wd", "--"]
    address = f"/run/peer-{engine.name}/containerd/containerd.sock"

    def run(*arguments: str) -> str:
        command = [*enter, "ctr", "--address", address, "-n", "moby", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    return run


@pytest.fixture(scope="module")
def client(our_engine: OurEngine, busybox_archive: Path) -> docker.Docker:
    client = docker.theirs(our_engine.host)
    client("load", "-i", str(busybox_archive))
    return client


@pytest.fixture
def container(client: docker.Docker) -> Iterator[str]:
    yield client(*SLEEPER)
    client("rm", "-f", "seen")


@pytest.fixture(params=sorted(peers.SUITES))
def ctr(request: pytest.FixtureRequest, our_engine: OurEngine) -> Ctr:
    return ctr_on_ours(our_engine, request.param)


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()[1:]]


def test_tasks_have_the_pid_and_the_status_of_inspect(client: docker.Docker, container: str, ctr: Ctr) -> None:
    def pid() -> str:
        return client("inspect", "-f", "{{.State.Pid}}", "seen")

    assert rows(ctr("tasks", "ls")) == [[container, pid(), "RUNNING"]]
    assert pid() in [row[0] for row in rows(ctr("tasks", "ps", container))]
    client("pause", "seen")
    assert client("inspect", "-f", "{{.State.Status}}", "seen") == "paused"
    assert rows(ctr("tasks", "ls")) == [[container, pid(), "PAUSED"]]
    client("unpause", "seen")
    client("kill", "seen")
    wait_until(lambda: client("inspect", "-f", "{{.State.Status}}", "seen") == "exited", "the end")
    assert rows(ctr("tasks", "ls")) == []  # as under the original, which deletes a task that has ended
    client("start", "seen")
    assert rows(ctr("tasks", "ls")) == [[container, pid(), "RUNNING"]]
    client("stop", "-t", "0", "seen")
    assert rows(ctr("tasks", "ls")) == []


def test_a_task_killed_by_ctr_has_ended_for_docker(client: docker.Docker, container: str, ctr: Ctr) -> None:
    ctr("tasks", "kill", "-s", "KILL", container)
    assert client("wait", "seen") == "137"
    assert rows(ctr("tasks", "ls")) == []


def test_ctr_executes_beside_docker(client: docker.Docker, container: str, ctr: Ctr) -> None:
    assert ctr("tasks", "exec", "--exec-id", "by-ctr", container, "echo", "inside") == "inside\n"
    assert client("exec", "seen", "echo", "inside") == "inside"


def test_its_specification_is_the_one_that_runs(client: docker.Docker, container: str, ctr: Ctr) -> None:
    told = json.loads(ctr("containers", "info", container))
    assert (told["ID"], told["Image"]) == (container, "docker.io/library/busybox:latest")
    assert (told["Snapshotter"], told["SnapshotKey"]) == ("overlayfs", container)
    assert told["Spec"]["process"]["args"] == ["sleep", "1000"]
    assert told["Spec"]["ociVersion"] == "1.2.1"


TABLES = (
    ("containers", "ls"),
    ("tasks", "ls"),
    ("images", "ls"),
    ("content", "ls"),
    ("namespaces", "ls"),
)


def test_every_table_is_as_under_the_original(
    client: docker.Docker, our_engine: OurEngine, original_engine: OriginalEngine, busybox_archive: Path
) -> None:
    theirs = docker.theirs(original_engine.host)
    theirs("load", "-i", str(busybox_archive))
    columns = (theirs, ctr_on_the_original(original_engine)), (client, ctr_on_ours(our_engine, "sid"))
    assert seen_in(*columns[1]) == seen_in(*columns[0])


def seen_in(client: docker.Docker, ctr: Ctr) -> list[str]:
    """All tables while a container runs, when it has been killed, and when it has been removed."""
    tables = []
    for step in (SLEEPER, ("kill", "seen"), ("rm", "seen")):
        client(*step)
        if step is not SLEEPER:
            wait_until(lambda: client("ps", "-q") == "", "its end")
        pid = client.run("inspect", "-f", "{{.State.Pid}}", "seen").line
        for words in TABLES:
            tables += [f"{step[0]}: ctr {' '.join(words)}", without_changes(ctr(*words), pid)]
    return tables


def without_changes(table: str, pid: str) -> str:
    """Without ages, the tabs that fill up for them, and the process id: "" or 0 where there is none."""
    aged = re.sub(r"\d+ (?:seconds?|minutes?)|Less than a second", "<age>", table)
    return masks.mask(re.sub(r"\t+", "\t", aged), *([pid] if pid.strip("0") else []))


def test_every_part_that_our_containerd_has_is_well(ctr: Ctr) -> None:
    parts = rows(ctr("plugins", "ls"))
    assert {row[-1] for row in parts} == {"ok"}
    names = {row[0] for row in parts}
    assert {"io.containerd.transfer.v1", "io.containerd.streaming.v1", "io.containerd.runtime.v2"} <= names
    assert "Server:" in ctr("version")


def test_what_ours_saves_the_original_loads(
    client: docker.Docker, original_engine: OriginalEngine, tmp_path: Path
) -> None:
    archive = str(tmp_path / "saved.tar")
    client("tag", "busybox", "saved:1")
    client("save", "-o", archive, "saved:1")
    client("rmi", "saved:1")
    theirs = docker.theirs(original_engine.host)
    assert theirs("load", "-i", archive) == "Loaded image: saved:1"
    assert theirs("run", "--rm", "--network=none", "saved:1", "echo", "hello") == "hello"
    theirs("rmi", "saved:1")
