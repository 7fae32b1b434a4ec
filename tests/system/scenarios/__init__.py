"""The table of scenarios, by subject."""

from tests.system.harness import Scenario
from tests.system.scenarios import confinement, errors, images, inspection, lifecycle, run_flags, streams

SUBJECTS: dict[str, tuple[Scenario, ...]] = {
    "docker run": run_flags.SCENARIOS,
    "Streams, logs, exec, exit codes": streams.SCENARIOS,
    "Life and lists": lifecycle.SCENARIOS,
    "inspect, version, info": inspection.SCENARIOS,
    "Images": images.SCENARIOS,
    "Confinement": confinement.SCENARIOS,
    "Errors": errors.SCENARIOS,
}
ALL: tuple[Scenario, ...] = tuple(scenario for scenarios in SUBJECTS.values() for scenario in scenarios)
