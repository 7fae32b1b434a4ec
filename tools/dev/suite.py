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
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tools.dev import guest, launchers, packages, say
from tools.dev.environment import CHECKOUT
from tools.dev.progress import Progress

BUDGETS = {  # seconds; a folder that takes longer has failed
    "architecture": 60,
    "unit": 60,
    "contract": 60,
    "integration": 240,
    "compat": 420,
    "system": 700,
    "fuzz": 60,
    "sabotage": 150,
}
BUDGET_OF_ALL = 3600  # with --all, each
GUEST_BUDGET = 300
LOGS = CHECKOUT / ".dev" / "test-logs"
SECONDS_TO_CLEAN_UP = 60
NO_TESTS_COLLECTED = 5


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
    try:
        prepare(with_guest=options.vm)
    except say.Failed as failed:
        say.warn(str(failed))
        return 1
    markers = "not vm" if options.all else "not vm and (not matrix or sample)"
    if options.paths or more:
        return run_paths([*options.paths, *more], markers)
    outcomes = [run_folder(name, markers, BUDGET_OF_ALL if options.all else budget) for name, budget in folders()]
    if options.vm:
        outcomes.append(run_guest())
    return summarize(outcomes)


def prepare(*, with_guest: bool) -> None:
    """Everything the tests need of the machine: packages, launchers, the originals, the guest."""
    packages.ensure(packages.RUNNING, packages.TESTING, packages.GUEST if with_guest else {})
    if not packages.lists_are_there():
        packages.update_lists()
    launchers.make(CHECKOUT)
    for script, *arguments in (("peers/install", "trixie"), ("peers/install", "sid"), *([("vm/build",)] * with_guest)):
        command = [str(CHECKOUT / "tools" / script), *arguments]
        with Progress(" ".join([f"tools/{script}", *arguments])):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise say.Failed(f"{' '.join(command)}: {done.stderr.strip()}")


def folders() -> list[tuple[str, int]]:
    return [(name, budget) for name, budget in BUDGETS.items() if any((CHECKOUT / "tests" / name).rglob("test_*.py"))]


def run_paths(arguments: list[str], markers: str) -> int:
    """pytest on what was named, as pytest shows it."""
    process = start_pytest(["-m", markers, *arguments], {}, None)
    try:
        return process.wait()
    except KeyboardInterrupt:
        interrupt(process)
        raise


def start_pytest(arguments: list[str], environment: dict[str, str], out: IO[bytes] | None) -> "subprocess.Popen[bytes]":
    """pytest in a session of its own: an interrupt reaches it once, through us; its fixtures clean up."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=CHECKOUT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=out,
        start_new_session=True,
    )


def run_folder(name: str, markers: str, budget: float) -> Outcome:
    """One folder in a pytest of its own. What it says goes to a file, and to the terminal when something fails."""
    outcome = Outcome(name, budget)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        environment = {"SLIPWAY_RESULTS": str(results), "SLIPWAY_RESULTS_NAME": name}
        options = ["-q", "--no-header", "--color=no", "-p", "tools.dev.pytest_progress", "-m", markers, f"tests/{name}"]
        began = time.monotonic()
        with open(log, "wb") as out:
            status = wait_within(start_pytest(options, environment, out), outcome)
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
        outcome.fail(f"tests/{outcome.name} was not done within its budget of {outcome.budget:g} s")
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
        outcome.fail(f"tests/{outcome.name}: pytest ended with {status}")


def run_guest() -> Outcome:
    outcome = Outcome("guest", GUEST_BUDGET)
    began = time.monotonic()
    with Progress("guest"):
        status, counts, said = guest.run_tests(GUEST_BUDGET)
    outcome.seconds = time.monotonic() - began
    outcome.counts.update(counts)
    if status and not outcome.counts["failed"]:
        outcome.fail(f"the guest ended with {status}")
    if outcome.counts["failed"]:
        print(said[-20_000:], flush=True)
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
