"""The table of scenarios, by subject."""

from tests.system.harness import Scenario
from tests.system.scenarios import confinement, errors, images, inspection, lifecycle, run_flags, streams

ALL: tuple[Scenario, ...] = (
    *run_flags.SCENARIOS,
    *streams.SCENARIOS,
    *lifecycle.SCENARIOS,
    *inspection.SCENARIOS,
    *images.SCENARIOS,
    *confinement.SCENARIOS,
    *errors.SCENARIOS,
)
