"""Where something is missing, the engine does as the original does: a root without CAP_SYS_RESOURCE."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
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
