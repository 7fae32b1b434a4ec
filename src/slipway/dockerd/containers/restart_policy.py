"""Whether a container that has ended is started again, and after how long. Pure."""

from dataclasses import dataclass
from typing import Final

from slipway.contracts.engine_api.host_config import RestartPolicy

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 60.0
STEADY_SECONDS: Final = 10.0  # who ran as long as this starts again with the first delay


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What counts for the decision. `restarts` are those since somebody started it; `last_delay` 0 before the first."""

    exit_code: int
    stopped_by_user: bool
    ran_seconds: float
    restarts: int
    last_delay: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """`delay` in seconds, to be waited before the start."""

    restart: bool
    delay: float = 0.0


def decide(policy: RestartPolicy, ended: Ended) -> Decision:
    """As the original: the delay doubles from 100 ms up to a minute; ten steady seconds begin it anew."""
    if ended.stopped_by_user or not _wants_restart(policy, ended):
        return Decision(restart=False)
    if not ended.last_delay or ended.ran_seconds >= STEADY_SECONDS:
        return Decision(restart=True, delay=FIRST_DELAY)
    return Decision(restart=True, delay=min(ended.last_delay * 2, LONGEST_DELAY))


def starts_with_daemon(policy: RestartPolicy, *, stopped_by_user: bool, was_running: bool) -> bool:
    """Whether a container that does not run is started when the daemon starts."""
    if policy.name == "always":
        return True
    if policy.name == "unless-stopped":
        return not stopped_by_user
    return policy.name == "on-failure" and was_running


def _wants_restart(policy: RestartPolicy, ended: Ended) -> bool:
    if policy.name in ("always", "unless-stopped"):
        return True
    if policy.name != "on-failure" or ended.exit_code == 0:
        return False
    return policy.maximum_retry_count == 0 or ended.restarts < policy.maximum_retry_count
