"""Health checks: what is asked of a container, and what an answer means. Pure.

The state of health is the document that inspect shows: Status, FailingStreak, and the last results as Log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.contracts.engine_api.container_config import ContainerConfig

STARTING: Final = "starting"
HEALTHY: Final = "healthy"
UNHEALTHY: Final = "unhealthy"
NONE: Final = "none"
STATUSES: Final = (NONE, STARTING, HEALTHY, UNHEALTHY)
SECOND: Final = 1_000_000_000
DEFAULT_INTERVAL: Final = 30 * SECOND
DEFAULT_TIMEOUT: Final = 30 * SECOND
DEFAULT_START_INTERVAL: Final = 5 * SECOND
DEFAULT_RETRIES: Final = 3
RESULTS_KEPT: Final = 5
OUTPUT_KEPT: Final = 4096  # bytes of a probe's output
DEFAULT_SHELL: Final = ("/bin/sh", "-c")

Health = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ProbePlan:
    """What is run in the container, and how often. Durations in nanoseconds."""

    command: tuple[str, ...]
    interval: int
    timeout: int
    start_period: int
    start_interval: int
    retries: int


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """One probe. `exit_code` is -1 where it did not end by itself; times in nanoseconds."""

    started: int
    ended: int
    exit_code: int
    output: str

    def document(self) -> dict[str, Any]:
        return {
            "Start": rfc3339_from_nanoseconds(self.started),
            "End": rfc3339_from_nanoseconds(self.ended),
            "ExitCode": self.exit_code,
            "Output": self.output,
        }


def probe_plan(config: ContainerConfig) -> ProbePlan | None:
    """None for a container without a health check."""
    health = config.healthcheck
    if health is None or not health.test:
        return None
    kind, *words = health.test
    if kind == "CMD-SHELL":
        command = (*(config.shell or DEFAULT_SHELL), *words)
    elif kind == "CMD" and words:
        command = tuple(words)
    else:
        return None  # NONE, or what nobody understands
    return ProbePlan(
        command=command,
        interval=health.interval or DEFAULT_INTERVAL,
        timeout=health.timeout or DEFAULT_TIMEOUT,
        start_period=health.start_period,
        start_interval=health.start_interval or DEFAULT_START_INTERVAL,
        retries=health.retries or DEFAULT_RETRIES,
    )


def at_start(plan: ProbePlan | None, before: Health) -> Health:
    """The health of a container that has just been started; earlier results stay to be seen."""
    return {"Status": STARTING, "FailingStreak": 0, "Log": list(before.get("Log") or ())} if plan else {}


def at_end(health: Health) -> Health:
    """Nobody is served any more."""
    return {**health, "Status": UNHEALTHY, "FailingStreak": 0} if health else health


def after_probe(plan: ProbePlan, health: Health, result: ProbeResult, *, since_start: int) -> Health:
    """`since_start` is how long the container had run when the probe began.

    A failure within the start period says nothing yet, unless the container has been healthy before.
    """
    status, streak = health["Status"], health["FailingStreak"]
    if result.exit_code == 0:
        status, streak = HEALTHY, 0
    elif status != STARTING or since_start >= plan.start_period:
        streak += 1
        status = UNHEALTHY if streak >= plan.retries else status
    log = [*health["Log"], result.document()][-RESULTS_KEPT:]
    return {"Status": status, "FailingStreak": streak, "Log": log}


def until_next_probe(plan: ProbePlan, health: Health, *, since_start: int) -> int:
    """Nanoseconds. Shorter while the container starts."""
    starts = health.get("Status") == STARTING and since_start < plan.start_period
    return plan.start_interval if starts else plan.interval


def status_of(health: Health) -> str:
    return str(health.get("Status") or NONE)
