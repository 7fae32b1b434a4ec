"""`docker run --runtime` with the originals' runc and crun, called by path: ours does what the original does."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import docker
from tests.support.engine import OurEngine
from tests.support.foreign_runtimes import PLACES, launcher, no_hybrid_groups
from tests.support.peers import OriginalEngine
from tests.system.harness import Scenario, Step, difference, play, scenario

pytestmark = [pytest.mark.root, pytest.mark.peers]

RUNTIMES = ("runc-sid", "crun-sid", "runc-trixie", "crun-trixie")
RUN = "run --rm --network none --runtime RUNTIME"
STORIES = [
    scenario("output", f"{RUN} busybox sh -c 'echo out; echo err >&2'"),
    scenario("status", f"{RUN} busybox sh -c 'exit 42'", f"{RUN} busybox sh -c 'kill -9 $$'"),
    scenario("input", Step(text=f"{RUN} -i busybox cat", stdin="one\ntwo\n")),
    scenario("a wrong path", f"{RUN} busybox /nope"),
    scenario("a wrong name", f"{RUN} busybox nope"),
    scenario("a folder", f"{RUN} busybox /etc"),
    scenario("a new folder", f"{RUN} -w /new/folder busybox sh -c 'pwd; ls -ld /new /new/folder | cut -c1-40'"),
    scenario("a wrong folder to work in", f"{RUN} -w /etc/passwd busybox true"),
    scenario(
        "what it may", f"{RUN} -u 1000:5 --cap-drop ALL --read-only busybox sh -c 'id; grep Cap /proc/self/status'"
    ),
    scenario(
        "too little memory",
        f"{RUN.replace('--rm', '--name box')} -m 20m --memory-swap 20m busybox tail /dev/zero",
        "inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}} {{.HostConfig.Runtime}}' box",
    ),
    scenario(
        "a life",
        "run -d --name box --network none --runtime RUNTIME -m 64m --pids-limit 30 busybox sleep 1000",
        "exec box sh -c 'echo inside; exit 3'",
        Step(text="exec -i box cat", stdin="fed"),
        "exec box /nope",
        "exec box nope",
        "exec -u 1000:5 -w /etc box sh -c 'id; pwd'",
        "exec box cat /proc/1/comm",
        "pause box",
        "inspect -f '{{.State.Status}}' box",
        "unpause box",
        "stats --no-stream --format '{{.Name}} {{.PIDs}}' box",
        "update -m 50m --memory-swap 50m box",
        "exec box cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max",
        "kill box",
        "wait box",
        "start box",
        "exec box echo again",
        "stop -t 0 box",
        "inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}' box",
        "rm box",
    ),
]


class Engines(NamedTuple):
    """Docker's client on both, which know the runtimes by the same names."""

    ours: docker.Docker
    original: docker.Docker


@pytest.fixture(scope="module")
def engines(machine_unchanged: None, short_folder: Path, busybox_archive: Path) -> Iterator[Engines]:
    launchers = short_folder / "runtimes"
    launchers.mkdir()
    flags = [f"--add-runtime={name}={launcher(*name.split('-'), launchers)}" for name in RUNTIMES]
    with no_hybrid_groups(short_folder / "groups", f"slipway-{short_folder.name}") as enter:
        ours = OurEngine(short_folder / "rt", *flags, under=enter)
        original = None
        try:
            original = OriginalEngine("sid", short_folder / "rto", *_of_the_original(), under=enter)
            both = Engines(docker.theirs(ours.start().host), docker.theirs(original.host))
            for client in both:
                client("load", "-i", str(busybox_archive))
            yield both
        finally:
            ours.close()
            if original is not None:
                original.stop()


def _of_the_original() -> list[str]:
    """It stands in the tree of sid, and has that one's runtimes only."""
    return [f"--add-runtime={name}-sid={place}" for name, place in PLACES.items()]


def with_runtime(story: Scenario, name: str) -> Scenario:
    return scenario(
        story.name, *(Step(text=step.text.replace("RUNTIME", name), stdin=step.stdin) for step in story.steps)
    )


SAMPLE = {"output", "a wrong name", "a folder", "too little memory", "a life"}


def case(story: Scenario) -> object:
    marks = [pytest.mark.sample] if story.name in SAMPLE else []
    return pytest.param(story, id=story.name.replace(" ", "-"), marks=marks)


@pytest.mark.matrix
@pytest.mark.parametrize("story", [case(story) for story in STORIES])
@pytest.mark.parametrize("runtime", [name for name in RUNTIMES if name.endswith("sid")])
def test_all_is_as_under_the_original(engines: Engines, runtime: str, story: Scenario) -> None:
    expected, got = (play(with_runtime(story, runtime), client) for client in (engines.original, engines.ours))
    assert not (told := difference(expected, got, "our engine")), told


@pytest.mark.parametrize("runtime", [name for name in RUNTIMES if name.endswith("trixie")])
def test_those_of_trixie_run_too(engines: Engines, runtime: str) -> None:
    client = engines.ours
    assert client.run("run", "--rm", "--runtime", runtime, "busybox", "sh", "-c", "echo hello; exit 7").status == 7
    box = client("run", "-d", "--runtime", runtime, "busybox", "sleep", "1000")
    assert client("exec", box, "echo", "inside") == "inside"
    client("kill", box)
    assert client("wait", box) == "137"
    client("rm", box)
