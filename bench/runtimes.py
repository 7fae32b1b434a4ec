"""runc alone, without an engine: ours beside runc 1.3 and crun, all in one tree of tools/peers, in turn."""

import json
import shutil
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.contestants import SUITE
from bench.rows import MEGABYTE, Row
from bench.runtime_rounds import MANY
from tests.support import cgroup_folders, peers
from tests.support.busybox import busybox_program
from tests.support.foreign_runtimes import no_hybrid_groups
from tests.support.paths import CHECKOUT
from tools.dev.progress import Progress

GROUPS = ("cold", "life", "exec", "at-once")
PROGRAMS = 3


def measure_runtimes(rounds: int, only: Sequence[str] = GROUPS) -> list[Row]:
    """The rows of the groups. Raises RuntimeError with what a runtime said; leaves nothing on the machine."""
    folder = Path(tempfile.mkdtemp(prefix="swb", dir="/tmp"))
    shutil.copy(busybox_program(), folder / "busybox")
    try:
        with no_hybrid_groups(folder / "cgroups", folder.name) as before:
            return _rows(_samples(folder, rounds, [group for group in GROUPS if group in only], before))
    finally:
        cgroup_folders.end_all_in(folder.name)
        shutil.rmtree(folder, ignore_errors=True)
        peers.forget_share(SUITE, folder)


def _samples(
    folder: Path, rounds: int, groups: Sequence[str], before: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Group -> program -> seconds; `at-once peak` in bytes. `before` is put before the command."""
    script = str(CHECKOUT / "bench/runtime_rounds.py")
    inside = ["python3", "-I", "-S", script, str(CHECKOUT / "src"), str(folder), str(rounds), *groups]
    argv, environment = peers.enter(SUITE, *inside, share=folder, bind=(CHECKOUT,))
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    process = subprocess.Popen(
        [*before, *argv], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process, Progress("runtimes", rounds * PROGRAMS * len(groups)) as progress:
        assert process.stdout is not None
        assert process.stderr is not None
        for number, line in enumerate(process.stdout):
            progress.at(number)
            group, who, values = json.loads(line)
            seconds, *peak = values if isinstance(values, list) else [values]
            found[group][who].append(seconds)
            if peak:
                found[f"{group} peak"][who].extend(peak)
        words = process.stderr.read()
    if process.returncode:
        raise RuntimeError(f"measure the runtimes: {words.strip()}")
    return found


def _rows(found: dict[str, dict[str, list[float]]]) -> list[Row]:
    rows = []
    for group, name, other, goal, unit, scale in (
        ("cold", "runc run, started by path, beside runc", "original", 1.0, "ms", 1000),
        ("life", "create, start, end, delete, beside crun's three commands", "crun", 0.7, "ms", 1000),
        ("life", "create, start, end, delete, beside runc's", "original", None, "ms", 1000),
        ("exec", "runc exec, beside runc", "original", 0.5, "ms", 1000),
        ("at-once", f"{MANY} creates at once, beside runc", "original", 0.5, "ms", 1000),
        ("at-once peak", f"{MANY} creates at once, peak of memory, beside runc", "original", 0.5, "MB", 1 / MEGABYTE),
    ):
        if group in found:
            samples = {who: [scale * value for value in some] for who, some in found[group].items()}
            values = {"ours": statistics.median(samples["ours"]), "original": statistics.median(samples[other])}
            rows.append(Row(name=name, unit=unit, values=values, goal=goal, samples=samples))
    return rows
