"""The rows of the table: each measures all contestants, alternating."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench import measure
from bench.contestants import Contestant
from tools.dev.progress import Progress

MANY = 20
LONG = 200
MEGABYTE = 1e6


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: `values` by contestant, in `unit`. `goal` is the ratio to reach, `limit` the value ours may have."""

    name: str
    unit: str
    values: dict[str, float]
    goal: float | None = None
    limit: float | None = None
    samples: dict[str, list[float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours to the original's; below 1 is better. None when one of them is missing."""
        if "ours" not in self.values or not self.values.get("original"):
            return None
        return self.values["ours"] / self.values["original"]


GROUPS = ("idle", "version", "run", "none", "many", "at-once", "back-to-back")
"""What `--only` takes; `many` is all that is measured while twenty containers run: exec, ps, memory."""


def measure_all(contestants: Sequence[Contestant], rounds: int, only: Sequence[str] = GROUPS) -> list[Row]:
    """The rows of the groups in `only`. Idle memory is measured first, before any container."""
    for contestant in contestants:
        measure.wait_until_idle(contestant)
    idle = {contestant.name: measure.memory(contestant.processes()) for contestant in contestants}
    groups: dict[str, Callable[[], list[Row]]] = {
        "idle": lambda: memory_when_idle(contestants),
        "version": lambda: [
            timed("docker --version", contestants, rounds, lambda c: measure.seconds_of(c.client, "--version"))
        ],
        "run": lambda: [timed("run --rm busybox true", contestants, rounds, measure.run_and_remove, goal=0.5)],
        "none": lambda: [
            timed(
                "run --rm --network none busybox true",
                contestants,
                rounds,
                lambda c: measure.run_and_remove(c, "--network", "none"),
                goal=0.5,
            )
        ],
        "many": lambda: with_many_running(contestants, rounds, idle),
        "at-once": lambda: [
            timed(f"{MANY} starts at once", contestants, rounds, lambda c: measure.start_at_once(c, MANY), goal=0.5)
        ],
        "back-to-back": lambda: back_to_back(contestants),
    }
    return [row for name in GROUPS if name in only for row in groups[name]()]


def timed(
    name: str,
    contestants: Sequence[Contestant],
    rounds: int,
    once: Callable[[Contestant], measure.Seconds],
    goal: float | None = None,
) -> Row:
    """The median of `rounds` times of `once`, in milliseconds."""
    with Progress(name, rounds) as progress:
        times = measure.alternate(contestants, rounds, once, progress.at)
    samples = {who: [1000 * seconds for seconds in some] for who, some in times.items()}
    values = {who: statistics.median(some) for who, some in samples.items()}
    return Row(name=name, unit="ms", values=values, goal=goal, samples=samples)


def with_many_running(contestants: Sequence[Contestant], rounds: int, idle: dict[str, int]) -> list[Row]:
    """What is measured while twenty containers run: exec, ps, memory per container by both readings."""
    for contestant in contestants:
        for number in range(MANY):
            contestant.client("run", "-d", "--name", f"bench{number}", "busybox", *measure.QUIET)
    execute = timed("exec", contestants, rounds, lambda c: measure.seconds_of(c.client, "exec", "bench0", "true"), 0.6)
    listing = timed(f"ps, {MANY} running", contestants, rounds, lambda c: measure.seconds_of(c.client, "ps"))
    full = {contestant.name: measure.memory(contestant.processes()) for contestant in contestants}
    total = {who: size / MANY / MEGABYTE for who, size in full.items()}
    increment = {who: (size - idle[who]) / MANY / MEGABYTE for who, size in full.items()}
    for contestant in contestants:
        measure.remove_all(contestant)
    return [
        execute,
        listing,
        Row(name=f"PSS of the engine per container, at {MANY}", unit="MB", values=total),
        Row(name=f"PSS added by each container, at {MANY}", unit="MB", values=increment, limit=2.0),
    ]


def memory_when_idle(contestants: Sequence[Contestant]) -> list[Row]:
    """Daemons and template, before the first container; what is kept in pools counts."""
    rows = []
    for what in ("Rss", "Pss"):
        values = {c.name: measure.memory(c.processes(), what) / MEGABYTE for c in contestants}
        goal = 1.0 if what == "Rss" else None
        rows.append(Row(name=f"idle {what.upper()} of all engine processes", unit="MB", values=values, goal=goal))
    return rows


def back_to_back(contestants: Sequence[Contestant]) -> list[Row]:
    """Two hundred starts in a row: the median of all, and of the last fifty, when pools have run empty."""
    samples = {}
    for contestant in contestants:
        with Progress(f"{LONG} starts back to back, {contestant.name}", 1):
            samples[contestant.name] = [1000 * s for s in measure.start_back_to_back(contestant, LONG)]
    name = f"{LONG} starts back to back"
    total = {who: sum(some) / 1000 for who, some in samples.items()}
    last = {who: statistics.median(some[-50:]) for who, some in samples.items()}
    return [
        Row(name=name, unit="s", values=total, samples=samples),
        Row(name=f"{name}: one of the last 50", unit="ms", values=last),
    ]
