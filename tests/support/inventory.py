"""What a machine has that an engine could leave behind, taken before and after, with a readable difference."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support import cgroup_folders, processes

Inventory = dict[str, frozenset[str]]

SYSCTL_FOLDERS = ("net/ipv4/ip_forward", "net/ipv4/conf", "net/ipv6/conf", "net/bridge", "kernel/keys")
FIREWALL_PROGRAMS = (
    ("nft", "list", "ruleset"),
    ("iptables-legacy-save",),
    ("ip6tables-legacy-save",),
)


def take(words: Sequence[str], *, whole_machine: bool) -> Inventory:
    """Everything now, by kind: what mentions one of `words`, on a machine of our own also links, firewall, sysctls."""
    named = {
        "processes": frozenset(_mentioning(words, _processes())),
        "cgroups": frozenset(_mentioning(words, _cgroups())),
        "sockets": frozenset(_mentioning(words, _unix_sockets())),
        "mounts": frozenset(_mentioning(words, _mounts())),
        "network namespaces": frozenset(_named_namespaces()),
    }
    if not whole_machine:
        return named
    return named | {
        "links": frozenset(os.listdir("/sys/class/net")),
        "firewall": frozenset(_firewall()),
        "sysctls": frozenset(_sysctls()),
    }


def difference(before: Inventory, after: Inventory) -> str:
    """One line per thing that came or went; empty when nothing did."""
    lines = []
    for kind in before:
        lines += [f"{kind}: left behind: {thing}" for thing in sorted(after[kind] - before[kind])]
        if kind in ("links", "firewall", "sysctls"):
            lines += [f"{kind}: missing: {thing}" for thing in sorted(before[kind] - after[kind])]
    return "\n".join(lines)


def settled_difference(before: Inventory, now: Callable[[], Inventory], seconds: float = 3.0) -> str:
    """The difference to what `now` takes, after giving what is just ending `seconds` to be gone."""
    from tests.support.waiting import wait_until

    with suppress(AssertionError):
        wait_until(lambda: not difference(before, now()), "the machine to be as before", seconds)
    return difference(before, now())


def _mentioning(words: Sequence[str], things: Iterable[str]) -> Iterable[str]:
    return (thing for thing in things if any(word in thing for word in words))


def _processes() -> Iterable[str]:
    family = {os.getpid(), os.getppid()}
    for process in processes.every():
        if process.pid not in family and process.state not in "ZX":
            yield f"{process.pid} {process.command}"


def _cgroups() -> Iterable[str]:
    for root in cgroup_folders.hierarchies():
        for folder, _, _ in os.walk(root):
            yield folder


def _unix_sockets() -> Iterable[str]:
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    return (fields[7] for line in lines if len(fields := line.split(None, 7)) > 7)


def _mounts() -> Iterable[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        yield f"{fields[4]} ({fields[fields.index('-') + 1]})"


def _named_namespaces() -> Iterable[str]:
    for folder in ("/run/netns", "/run/docker/netns", "/run/slipway"):
        with suppress(FileNotFoundError):
            yield from (f"{folder}/{name}" for name in os.listdir(folder))


def _firewall() -> Iterable[str]:
    for argv in FIREWALL_PROGRAMS:
        if shutil.which(argv[0]) is None:
            continue
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        yield from (
            re.sub(r"\[\d+:\d+\]|counter packets \d+ bytes \d+", "", line).strip()
            for line in said.splitlines()
            if line[:1] != "#"
        )


def _sysctls() -> Iterable[str]:
    for folder in SYSCTL_FOLDERS:
        place = Path("/proc/sys") / folder
        files = [place] if place.is_file() else sorted(place.rglob("*")) if place.is_dir() else []
        for file in files:
            with suppress(OSError):
                if file.is_file():
                    yield f"{file.relative_to('/proc/sys')} = {file.read_text().strip()}"
