"""Each scenario by both clients on our engine, compared with what Docker's client does on the original."""

from functools import cache

import pytest

from tests.support import docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.support.sample import is_in_sample
from tests.system.harness import Scenario, difference, play
from tests.system.scenarios import ALL
from tools.dev.conformance import identifier

SAMPLE_BY_PATH = {
    "a program's output",
    "memory limit",
    "capabilities",
    "privileged",
    "input through a pipe",
    "much output",
    "exit code of the program",
    "exit code 127",
    "exec",
    "exec with input",
    "exec detached",
    "kill",
    "pause",
    "out of memory",
    "top",
    "remove by itself, detached",
}
WITH_WAITS = {  # the original looks for a plugin of this name for 15 seconds
    "volume drivers that are not there",
    "a log driver that is not there",
}


def _case(subject: Scenario) -> object:
    """Every third scenario is in the sample, chosen by its name: a new one moves no other."""
    marks = [pytest.mark.by_path] if subject.name in SAMPLE_BY_PATH else []
    if subject.name in WITH_WAITS or (not marks and not is_in_sample(subject.name, one_in=3)):
        marks = [pytest.mark.matrix]
    return pytest.param(subject, id=identifier(subject), marks=marks)


by_name = pytest.mark.parametrize("subject", [_case(subject) for subject in ALL])


@cache
def expected(subject: Scenario, host: str) -> tuple[str, ...]:
    """What the original does: played once, used by both columns."""
    return tuple(play(subject, docker.theirs(host)))


def test_scenarios_have_names_of_their_own() -> None:
    names = {s.name for s in ALL}
    assert len(names) == len(ALL)
    assert names >= SAMPLE_BY_PATH | WITH_WAITS


@by_name
@pytest.mark.matrix
def test_the_original_repeats_itself(subject: Scenario, original: OriginalEngine) -> None:
    """A scenario whose masked output differs from run to run on the original can prove nothing about ours."""
    again = play(subject, docker.theirs(original.host))
    assert not (told := difference(list(expected(subject, original.host)), again, "the original again")), told


@by_name
def test_docker_s_client_on_our_engine(subject: Scenario, ours: OurEngine, original: OriginalEngine) -> None:
    got = play(subject, docker.theirs(ours.host))
    assert not (told := difference(list(expected(subject, original.host)), got, "our engine")), told


@by_name
def test_our_client_on_our_engine(subject: Scenario, ours: OurEngine, original: OriginalEngine) -> None:
    got = play(subject, docker.ours(ours.host))
    assert not (told := difference(list(expected(subject, original.host)), got, "our client and engine")), told
