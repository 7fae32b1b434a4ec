"""Health checks: what is run, and what each answer makes of a container's health."""

import pytest

from slipway.contracts.engine_api.container_config import ContainerConfig, HealthConfig
from slipway.dockerd.containers.health.decide import (
    SECOND,
    Health,
    ProbePlan,
    ProbeResult,
    after_probe,
    at_end,
    at_start,
    probe_plan,
    until_next_probe,
)


def plan(**fields: int) -> ProbePlan:
    found = probe_plan(ContainerConfig(healthcheck=HealthConfig(test=("CMD", "true"), **fields)))
    assert found is not None
    return found


def probed(health: Health, *exit_codes: int, by: ProbePlan, since_start: int = 0) -> Health:
    for code in exit_codes:
        result = ProbeResult(started=0, ended=1, exit_code=code, output="")
        health = after_probe(by, health, result, since_start=since_start)
    return health


@pytest.mark.parametrize(
    ("test", "shell", "command"),
    [
        (("CMD-SHELL", "a b"), None, ("/bin/sh", "-c", "a b")),
        (("CMD-SHELL", "a b"), ("/bin/ash", "-ec"), ("/bin/ash", "-ec", "a b")),
        (("CMD", "a", "b"), None, ("a", "b")),
        (("NONE",), None, None),
        (("CMD",), None, None),
        (("NOSUCH", "a"), None, None),
        ((), None, None),
        (None, None, None),
    ],
)
def test_what_is_run(test: tuple[str, ...] | None, shell: tuple[str, ...] | None, command: object) -> None:
    found = probe_plan(ContainerConfig(shell=shell, healthcheck=HealthConfig(test=test)))
    assert (found and found.command) == command


def test_what_is_not_said_is_the_original_s_choice() -> None:
    found = plan()
    assert (found.interval, found.timeout, found.start_period, found.start_interval, found.retries) == (
        *(30 * SECOND, 30 * SECOND, 0, 5 * SECOND),
        3,
    )


def test_as_many_failures_as_retries_make_it_unhealthy_and_one_success_healthy() -> None:
    by = plan(retries=2)
    health = probed(at_start(by, {}), 1, by=by)
    assert (health["Status"], health["FailingStreak"]) == ("starting", 1)
    health = probed(health, -1, by=by)
    assert (health["Status"], health["FailingStreak"]) == ("unhealthy", 2)
    health = probed(health, 0, by=by)
    assert (health["Status"], health["FailingStreak"]) == ("healthy", 0)


def test_failures_of_the_start_period_do_not_count() -> None:
    by = plan(retries=1, start_period=10)
    starting = probed(at_start(by, {}), 1, 1, by=by, since_start=9)
    assert (starting["Status"], starting["FailingStreak"]) == ("starting", 0)
    assert probed(starting, 1, by=by, since_start=10)["Status"] == "unhealthy"
    assert probed(starting, 0, 1, by=by, since_start=9)["Status"] == "unhealthy"


def test_a_starting_container_is_asked_more_often() -> None:
    by = plan(interval=100, start_interval=7, start_period=50)
    health = at_start(by, {})
    assert until_next_probe(by, health, since_start=0) == 7
    assert until_next_probe(by, health, since_start=50) == 100
    assert until_next_probe(by, probed(health, 0, by=by), since_start=0) == 100


def test_five_results_are_kept_over_an_end_and_a_new_start() -> None:
    by = plan()
    health = probed(at_start(by, {}), *range(9), by=by)
    ended = at_end(health)
    assert (ended["Status"], ended["FailingStreak"]) == ("unhealthy", 0)
    again = at_start(by, ended)
    assert again["Status"] == "starting"
    assert [result["ExitCode"] for result in again["Log"]] == [4, 5, 6, 7, 8]
    assert at_end({}) == {} == at_start(None, health)
