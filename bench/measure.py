"""What is measured: times of the client from start to exit, alternating between engines; memory by smaps_rollup."""

import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from bench.contestants import Contestant
from tests.support.docker import Docker
from tests.support.processes import Process
from tests.support.waiting import wait_until

Seconds = float
QUIET = ("sleep", "1000")


def seconds_of(client: Docker, *arguments: str) -> Seconds:
    """The wall time of one command of the client, which must succeed."""
    argv, environment = client.argv(*arguments), client.env()
    began = time.perf_counter()
    done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    took = time.perf_counter() - began
    assert done.returncode == 0, f"{client.name} {' '.join(arguments)}: {done.stderr.decode()}"
    return took


def alternate(
    contestants: Sequence[Contestant],
    rounds: int,
    once: Callable[[Contestant], Seconds],
    progress: Callable[[int], None],
) -> dict[str, list[Seconds]]:
    """`once` on each contestant in turn, `rounds` times after one that does not count; name -> times."""
    for contestant in contestants:
        once(contestant)
    times: dict[str, list[Seconds]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds):
        for contestant in contestants:
            times[contestant.name].append(once(contestant))
        progress(number + 1)
    return times


def run_and_remove(contestant: Contestant, *options: str) -> Seconds:
    """`docker run --rm busybox true`; afterwards nothing of it may be left (not part of the time)."""
    before = (contestant.mounts(), contestant.links(), len(contestant.processes()))
    took = seconds_of(contestant.client, "run", "--rm", *options, "busybox", "true")

    def is_as_before() -> bool:
        now = (contestant.mounts(), contestant.links(), len(contestant.processes()))
        return now == before and not contestant.client("ps", "-aq")

    wait_until(is_as_before, f"{contestant.name} to have removed everything of a container")
    return took


def start_at_once(contestant: Contestant, count: int) -> Seconds:
    """`count` times `docker run -d`, all at once; the time until the last client is back."""
    with ThreadPoolExecutor(count) as pool:
        began = time.perf_counter()
        runs = [pool.submit(seconds_of, contestant.client, "run", "-d", "busybox", *QUIET) for _ in range(count)]
        for run in runs:
            run.result()
        took = time.perf_counter() - began
    remove_all(contestant)
    return took


def start_back_to_back(contestant: Contestant, count: int) -> list[Seconds]:
    """`count` times `docker run -d --rm busybox true`, one by one: what pools hide shows when they are empty."""
    times = [seconds_of(contestant.client, "run", "-d", "--rm", "busybox", "true") for _ in range(count)]
    wait_until(lambda: not contestant.client("ps", "-aq"), f"{contestant.name} to have removed all", 60)
    return times


def wait_until_idle(contestant: Contestant) -> None:
    """Until what works on an image that was just loaded has ended: it goes after some seconds, so is no idle memory."""

    def no_worker_is_left() -> bool:
        return not any(process.command.startswith("containerd-unpack") for process in contestant.processes())

    wait_until(no_worker_is_left, f"{contestant.name} to have put its workers away", 30)


def remove_all(contestant: Contestant) -> None:
    if names := contestant.client("ps", "-aq").split():
        contestant.client("rm", "-f", *names, timeout=120)


def memory(processes: Sequence[Process], what: str = "Pss") -> int:
    """The sum over `processes` in bytes: Pss (each shared page divided by its users) or Rss."""
    total = 0
    for process in processes:
        with suppress(OSError):  # it ended meanwhile
            for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith(f"{what}:"):
                    total += int(line.split()[1]) * 1024
    return total
