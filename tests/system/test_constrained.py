"""Where something is missing, the engine does as the original does: capabilities, descriptors, overlay, an init."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker, processes
from tests.support.engine import OurEngine
from tests.support.paths import LAUNCHERS
from tests.support.peers import OriginalEngine
from tests.support.waiting import wait_until
from tests.system.harness import Scenario, Step, difference, play, scenario

WITHOUT = ("capsh", "--drop=cap_sys_resource", "--", "-c", 'exec "$0" "$@"')
CONTAINERS = (
    scenario("plain", "run --rm busybox grep Cap /proc/self/status"),
    scenario("privileged", "run --rm --privileged busybox grep Cap /proc/self/status"),
    scenario("asked for what is missing", "run --rm --cap-add SYS_RESOURCE busybox true"),
    scenario("asked for all", "run --rm --cap-add ALL busybox grep Cap /proc/self/status"),
    scenario("limits", "run --rm busybox cat /proc/self/limits"),
    scenario(
        "out of memory score",  # the original's own words are of its C part: "can't get final child's PID from pipe"
        Step(text="run --rm --oom-score-adj -500 busybox cat /proc/self/oom_score_adj", compare_errors=False),
    ),
)


@pytest.fixture(scope="module")
def constrained_original(short_folder: Path, busybox_archive: Path) -> Iterator[docker.Docker]:
    engine = OriginalEngine("sid", short_folder / "lacks", under=WITHOUT)
    client = docker.theirs(engine.host)
    client("load", "-i", str(busybox_archive))
    yield client
    engine.stop()


@pytest.fixture(scope="module")
def constrained_ours(machine_unchanged: None, short_folder: Path, busybox_archive: Path) -> Iterator[docker.Docker]:
    engine = OurEngine(short_folder / "ourlacks", under=WITHOUT)
    try:
        engine.start()
        client = docker.theirs(engine.host)
        client("load", "-i", str(busybox_archive))
        yield client
    finally:
        engine.close()


@pytest.mark.parametrize("subject", CONTAINERS, ids=[subject.name for subject in CONTAINERS])
def test_without_the_capability_ours_does_as_the_original(
    subject: Scenario, constrained_ours: docker.Docker, constrained_original: docker.Docker
) -> None:
    told = difference(play(subject, constrained_original), play(subject, constrained_ours), "our engine")
    assert not told, told


def test_a_program_gets_the_limits_of_the_original_and_the_daemons_take_what_there_is(
    machine_unchanged: None, short_folder: Path, busybox_archive: Path
) -> None:
    """Under a soft limit of 1,024 descriptors, as in most shells: the engine raises its own, not the containers'."""
    few = ("prlimit", "--nofile=1024:20000", "--")
    ask = ("run", "--rm", "busybox", "sh", "-c", "ulimit -Sn; ulimit -Hn")
    original = OriginalEngine("sid", short_folder / "few", under=few)
    try:
        theirs = docker.theirs(original.host)
        theirs("load", "-i", str(busybox_archive))
        expected = theirs(*ask)
    finally:
        original.stop()
    engine = OurEngine(short_folder / "ourfew", under=few)
    try:
        client = docker.theirs(engine.start().host)
        client("load", "-i", str(busybox_archive))
        assert client(*ask) == expected
        client("run", "-d", "--name", "box", "busybox", "sleep", "60")
        shim = processes.read(int(client("inspect", "-f", "{{.State.Pid}}", "box"))).parent  # type: ignore[union-attr]
        for pid in (engine.pid, engine.containerd_pid):
            assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (20000, 20000), processes.read(pid)
        wait_until(lambda: resource.prlimit(shim, resource.RLIMIT_NOFILE) == (20000, 20000), "the shim to take over")
    finally:
        engine.close()


def test_where_overlay_cannot_serve_snapshots_are_copied_with_one_warning(
    machine_unchanged: None, short_folder: Path, busybox_archive: Path
) -> None:
    """As in a container whose root is an overlay: the kernel stacks none on top of it."""
    engine = OurEngine(short_folder / "nooverlay")
    try:
        layers = [engine.folder / name for name in ("lower", "upper", "work", "data")]
        for layer in layers:
            layer.mkdir()
        lower, upper, work, data = layers
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        engine.sandbox.run("mount", "-t", "overlay", "overlay", "-o", options, data)
        client = docker.theirs(engine.start().host)
        client("load", "-i", str(busybox_archive))
        assert client("run", "--rm", "busybox", "sh", "-c", "echo hello >/made && cat /made") == "hello"
        assert client("info", "-f", "{{.Driver}}") == "native"
        assert engine.log().count("overlayfs cannot serve") == 1
    finally:
        engine.close()


def test_without_an_init_program_a_sentence_says_so(
    machine_unchanged: None, short_folder: Path, busybox_archive: Path
) -> None:
    engine = OurEngine(short_folder / "noinit", under=("/usr/bin/env", f"PATH={LAUNCHERS}"))
    try:
        client = docker.theirs(engine.start().host)
        client("load", "-i", str(busybox_archive))
        refused = client.run("run", "--rm", "--init", "busybox", "true")
        assert refused.status == 125
        assert "no docker-init, tini or catatonit on PATH" in refused.err
        assert "(hint: install tini)" in refused.err
        assert client("run", "--rm", "busybox", "echo", "hello") == "hello"
    finally:
        engine.close()
