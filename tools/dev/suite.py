"""`./dev test [--vm] [--all] [paths]`: every folder of tests/ within its budget, a table, and one line for machines."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from tools.dev import guest, launchers, packages, progress, say
from tools.dev.environment import CHECKOUT

BUDGETS = {  # seconds; a folder that takes longer has failed
    "architecture": 60,
    "unit": 90,
    "contract": 60,
    "integration": 450,
    "compat": 600,
    "system": 900,
    "fuzz": 60,
    "sabotage": 150,
}
BY_PATH_BUDGET = 150  # tests/system once more, the shim's template off and runc called by path: a sample
BUDGET_OF_ALL = 3600  # with --all, each
GUEST_BUDGET = 1200  # beside the others
RUN_ANYWHERE = tuple(CHECKOUT / "tests" / name for name in ("architecture", "unit", "contract"))  # as ./dev check does
LOGS = CHECKOUT / ".dev" / "test-logs"
SECONDS_TO_CLEAN_UP = 60
NO_TESTS_COLLECTED = 5


@dataclass(frozen=True, kw_only=True)
class Part:
    """One pytest of its own: what it runs, how, and how many seconds it may take."""

    name: str
    budget: float
    folder: str
    markers: str
    options: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What one folder did: counts by outcome, the names of what failed, the seconds it took."""

    name: str
    budget: float
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def fail(self, why: str) -> None:
        self.counts["failed"] += 1
        self.failed.append(why)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__)
    parser.add_argument("--vm", action="store_true", help="also the tests that need the guest (cgroup v2, AppArmor)")
    parser.add_argument("--all", action="store_true", help="every case, not the recorded sample of the large matrices")
    parser.add_argument("paths", nargs="*", help="run only these, and show what pytest shows")
    options, more = parser.parse_known_args(argv[1:])
    markers = "not vm" if options.all else "not vm and (not matrix or sample)"
    if not need_nothing([*options.paths, *more]):
        prepare(with_guest=options.vm)
    if options.paths or more:
        return run_paths([*options.paths, *more], markers)
    every = parts(markers, whole=options.all)
    if options.vm and not options.all:
        return summarize(run_beside_the_guest(every))
    outcomes = [run_part(part) for part in every]
    if options.vm:
        outcomes += [run_guest(boot) for boot in (guest.PLAIN, guest.WITH_SELINUX)]
    return summarize(outcomes)


def run_beside_the_guest(every: Sequence[Part]) -> list[Outcome]:
    """All samples, and that of the guest, which takes what time of the processors they leave: about half.

    Not all cases: races that take both processors for minutes would starve it.
    """
    with guest.running(guest.PLAIN, GUEST_BUDGET, whole=False) as running:
        outcomes = [run_part(part) for part in every]
        return [*outcomes, take_guest(guest.PLAIN, running, GUEST_BUDGET)]


def need_nothing(arguments: Sequence[str]) -> bool:
    """Whether pytest is asked for tests alone that run anywhere: they do not wait for the originals."""
    named = [CHECKOUT / argument.partition("::")[0] for argument in arguments if not argument.startswith("-")]
    named = [path.resolve() for path in named if path.exists()]
    return bool(named) and all(any(path.is_relative_to(folder) for folder in RUN_ANYWHERE) for path in named)


def prepare(*, with_guest: bool) -> None:
    """Everything the tests need of the machine: packages, launchers, the originals, the guest."""
    packages.ensure(packages.RUNNING, packages.TESTING, packages.GUEST if with_guest else {})
    if not packages.lists_are_there():
        packages.update_lists()
    launchers.make(CHECKOUT)
    for suite in ("trixie", "sid"):
        make("peers/install", suite)
    make("validation/build")
    if with_guest:
        make("vm/build")


def make(script: str, *arguments: str) -> None:
    """Run a script of tools/, which makes something once and keeps it."""
    command = [str(CHECKOUT / "tools" / script), *arguments]
    done = progress.run(" ".join([f"tools/{script}", *arguments]), command, own_session=True)
    if done.returncode:
        raise say.Failed(f"{' '.join(command)}: {done.stdout.strip()}")


def parts(markers: str, *, whole: bool) -> list[Part]:
    """Every folder of tests/, and tests/system by path; all of it, or what fits into the budgets."""
    present = [name for name in BUDGETS if any((CHECKOUT / "tests" / name).rglob("test_*.py"))]
    found = [Part(name=name, budget=BUDGETS[name], folder=name, markers=markers) for name in present]
    sample = markers if whole else f"by_path and {markers}"
    by_path = Part(name="by-path", budget=BY_PATH_BUDGET, folder="system", markers=sample, options=("--by-path",))
    return [replace(part, budget=BUDGET_OF_ALL) if whole else part for part in [*found, by_path]]


def run_paths(arguments: list[str], markers: str) -> int:
    """pytest on what was named, as pytest shows it."""
    process = start_pytest(["-m", markers, *arguments], os.environ)
    try:
        return process.wait()
    except KeyboardInterrupt:
        interrupt(process)
        raise


def start_pytest(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    out: IO[bytes] | None = None,
    err: IO[bytes] | None = None,
    folder: Path = CHECKOUT,
) -> "subprocess.Popen[bytes]":
    """pytest in a session of its own: an interrupt reaches it once, through us; its fixtures clean up."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
    )


def run_part(part: Part) -> Outcome:
    """What it says goes to a file, and to the terminal when something fails."""
    outcome = Outcome(part.name, part.budget)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{part.name}.log"
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        environment = os.environ | {"SLIPWAY_RESULTS": str(results), "SLIPWAY_RESULTS_NAME": part.name}
        options = ["-q", "--no-header", "--color=no", "--durations=25", "-p", "tools.dev.pytest_progress"]
        began = time.monotonic()
        with open(log, "wb") as out:
            process = start_pytest(
                [*options, "-m", part.markers, *part.options, f"tests/{part.folder}"], environment, out=out
            )
            status = wait_within(process, outcome)
        outcome.seconds = time.monotonic() - began
        take_results(outcome, results, status)
    if outcome.counts["failed"]:
        print(log.read_text("utf-8", "replace")[-20_000:], flush=True)
    return outcome


def wait_within(process: "subprocess.Popen[bytes]", outcome: Outcome) -> int:
    """Wait for pytest; interrupt it, so that its fixtures clean up, when its time is over or ours is."""
    try:
        return process.wait(outcome.budget)
    except subprocess.TimeoutExpired:
        outcome.fail(f"{outcome.name} was not done within its budget of {outcome.budget:g} s")
        return interrupt(process)
    except KeyboardInterrupt:
        interrupt(process)
        raise


def interrupt(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(SECONDS_TO_CLEAN_UP)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def take_results(outcome: Outcome, results: Path, status: int) -> None:
    """Add what the plugin counted. A pytest that fails without a failed test (a broken conftest) has failed."""
    if results.exists():
        told = json.loads(results.read_text())
        outcome.counts.update(told["counts"])
        outcome.failed += told["failed"]
    if status not in (0, NO_TESTS_COLLECTED) and not outcome.counts["failed"]:
        outcome.fail(f"{outcome.name}: pytest ended with {status}")


def run_guest(boot: guest.Boot) -> Outcome:
    """The guest by itself, with every case."""
    with guest.running(boot, BUDGET_OF_ALL, whole=True) as running:
        return take_guest(boot, running, BUDGET_OF_ALL)


def take_guest(boot: guest.Boot, running: guest.Running, budget: float) -> Outcome:
    """Wait for the guest's tests, which began earlier."""
    outcome = Outcome(boot.name, budget)
    with progress.Progress(f"{boot.name} (still running)"):
        results = running.results()
    outcome.seconds = results.seconds
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"{boot.name}.log").write_text(results.said)
    outcome.counts.update(results.counts)
    if results.status and not outcome.counts["failed"]:
        outcome.fail(f"{boot.name} ended with {results.status}")
    if outcome.counts["failed"]:
        print(results.said[-20_000:], flush=True)
    return outcome


def summarize(outcomes: list[Outcome]) -> int:
    """The table, what failed, and the closing line; the exit status."""
    print(f"\n{'folder':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'not yet':>9}{'seconds':>9}{'budget':>8}")
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total += outcome.counts
        numbers = "".join(f"{outcome.counts[kind]:>{width}}" for kind, width in _COLUMNS)
        print(f"{outcome.name:<14}{numbers}{outcome.seconds:>9.1f}{outcome.budget:>8g}")
    for outcome in outcomes:
        for name in outcome.failed:
            print(f"FAILED {name}")
    print(f"\n{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] else 0


_COLUMNS = (("passed", 8), ("failed", 8), ("skipped", 9), ("xfailed", 9))
