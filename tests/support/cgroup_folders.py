"""The cgroup folders of one engine, in every hierarchy of v1 and v2: who is in them, and how they go away."""

import os
from contextlib import suppress
from pathlib import Path

from tests.support import processes
from tests.support.waiting import wait_until

ROOT = Path("/sys/fs/cgroup")


def hierarchies() -> list[Path]:
    """The roots: one on a machine with v2 alone, one per mounted controller set (links left out) on v1."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [place for place in ROOT.iterdir() if place.is_dir() and not place.is_symlink()]


def named(name: str) -> list[Path]:
    """The folders called `name`, wherever they are: on v1 runtimes nest them below the caller's own cgroup."""
    return [Path(top) / name for root in hierarchies() for top, folders, _ in os.walk(root) if name in folders]


def members(name: str) -> set[int]:
    """The pids in any folder at or below those called `name`."""
    found: set[int] = set()
    for top in named(name):
        for folder, _, _ in os.walk(top):
            with suppress(OSError):
                found.update(map(int, (Path(folder) / "cgroup.procs").read_text().split()))
    return found


def end_all_in(name: str) -> None:
    """Kill what is in the folders called `name`, and remove them. Nothing happens when there are none."""
    victims = [p for pid in members(name) if (p := processes.read(pid)) is not None]
    processes.end(victims)
    wait_until(lambda: not members(name), f"the cgroups of {name} to be empty")
    for top in named(name):
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(FileNotFoundError):
                os.rmdir(folder)
