"""Processes as /proc shows them: found by their command line or their cgroup, ended by pid, awaited."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import wait_until


@dataclass(frozen=True, kw_only=True)
class Process:
    """One line of `ps`: `start` (ticks since boot) tells it from a later process with the same pid."""

    pid: int
    parent: int
    start: int
    state: str
    command: str

    def is_alive(self) -> bool:
        now = read(self.pid)
        return now is not None and now.start == self.start and now.state not in "ZX"


def read(pid: int) -> Process | None:
    """The process now, or None when it is gone. `command` is its argv joined by spaces, or [comm] for one without."""
    try:
        comm, _, rest = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").partition("(")[2].rpartition(")")
        fields = rest.split()
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return None
    return Process(pid=pid, parent=int(fields[1]), start=int(fields[19]), state=fields[0], command=argv or f"[{comm}]")


def every() -> Iterator[Process]:
    for name in os.listdir("/proc"):
        if name.isdigit() and (process := read(int(name))) is not None:
            yield process


def mentioning(text: str) -> list[Process]:
    """Every living process whose command line holds `text`, but for this one."""
    return [p for p in every() if text in p.command and p.pid != os.getpid() and p.state not in "ZX"]


def children_of(pid: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def open_files(pid: int) -> list[str]:
    """What the descriptors of a process lead to, as readlink(2) says. One that is closed meanwhile is left out."""
    links = []
    with suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                links.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return links


def descendants(pid: int) -> list[Process]:
    """Every living process below `pid`, nearest first."""
    everyone = list(every())
    found: list[Process] = []
    edge = {pid}
    while edge:
        below = [p for p in everyone if p.parent in edge]
        found += below
        edge = {p.pid for p in below}
    return found


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process is stopped during the block, and goes on after it, however that ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def end(victims: Iterable[Process], *, patience: float = 5.0) -> None:
    """SIGKILL each, by pid, and wait until they are gone. A process that is gone already is fine."""
    victims = list(victims)

    def all_gone() -> bool:
        return not any(victim.is_alive() for victim in victims)

    for victim in victims:
        if victim.is_alive():
            with suppress(ProcessLookupError):
                os.kill(victim.pid, signal.SIGKILL)
    wait_until(all_gone, f"the end of {[victim.command for victim in victims]}", patience)
