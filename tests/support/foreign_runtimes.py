"""The originals' OCI runtimes (runc, crun) for our engine to call by path, and the control groups that crun wants."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support import peers
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

PLACES = {"runc": "/usr/sbin/runc", "crun": "/usr/bin/crun"}
# They need their own tree's libraries, and start themselves anew by /proc/self/exe: so they see that tree's /usr.
LAUNCHER = """#!/bin/sh
exec unshare -m sh -c 'mount --bind {tree}/usr /usr && exec "$0" "$@"' {place} "$@"
"""
HIERARCHIES = Path("/sys/fs/cgroup")
UNIFIED = HIERARCHIES / "unified" / "cgroup.controllers"
# A second /sys/fs/cgroup: the machine's, and beside it the controllers that were left to cgroup v2.
MOUNT_THE_REST = """set -e
stage=$1; shift; mkdir "$stage"; mount -t tmpfs -o mode=755 cgroups "$stage"
for place in /sys/fs/cgroup/*; do
  if [ -L "$place" ]; then cp -P "$place" "$stage"; else
    mkdir "$stage/${place##*/}"; mount --bind "$place" "$stage/${place##*/}"; fi
done
for controller; do mkdir "$stage/$controller"; mount -t cgroup -o "$controller" cgroup "$stage/$controller"; done
mount --move "$stage" /sys/fs/cgroup; rmdir "$stage"
"""
# Then tells those that are not ours.
REMOVE_EMPTY_GROUPS = """set -e
mount -t cgroup -o "$1" cgroup /mnt
find /mnt -mindepth 1 -depth -type d -path "/mnt/$2*" -exec rmdir {} ';'
find /mnt -mindepth 1 -maxdepth 1 -type d
"""


def launcher(name: str, suite: str, folder: Path) -> Path:
    """A program in `folder` that runs the runtime of a suite with this machine's files."""
    program = folder / f"{name}-{suite}"
    program.write_text(LAUNCHER.format(tree=peers.install(suite), place=PLACES[name]))
    program.chmod(0o755)
    return program


@contextmanager
def no_hybrid_groups(stage: Path, groups: str) -> Iterator[tuple[str, ...]]:
    """What, put before a command, runs it where no controller is left to cgroup v2 beside v1; crun refuses elsewhere.

    At the end the empty groups whose names begin with `groups` are removed.
    """
    with hierarchies_of_v1(stage, groups, _of_version_two()) as sandbox:
        yield ("nsenter", "-t", str(sandbox.pid), "-m", "--")


@contextmanager
def hierarchies_of_v1(stage: Path, groups: str, controllers: Sequence[str]) -> Iterator[Sandbox]:
    """A mount namespace where these controllers have hierarchies of v1, too, beside the machine's.

    A hierarchy exists for the whole machine while anything of it is mounted or below it. So at the end the empty groups
    whose names begin with `groups` are removed, and this waits until what was cgroup v2's is so again.
    """
    left = _of_version_two()
    missing = [name for name in controllers if not (HIERARCHIES / name).exists()]
    sandbox = Sandbox()
    try:
        if missing:
            sandbox.run("sh", "-c", MOUNT_THE_REST, "sh", stage, *missing)
        yield sandbox
    finally:
        sandbox.close()
        for controller in missing:
            _give_back(controller, groups)
    wait_until(lambda: set(left) <= set(_of_version_two()), f"{', '.join(left)} to be cgroup v2's again", 30)


def _of_version_two() -> list[str]:
    return UNIFIED.read_text().split() if UNIFIED.exists() else []


def _give_back(controller: str, groups: str) -> None:
    sandbox = Sandbox()
    try:
        others = sandbox.run("sh", "-c", REMOVE_EMPTY_GROUPS, "sh", controller, groups).stdout.split()
        # The kernel frees a hierarchy at its last unmount if it is empty then; removed groups are in it for a while.
        if not others:  # else someone else uses it, too, and will do the same
            wait_until(lambda: _count(controller) == 1, f"the end of the groups of {controller}", 30)
    finally:
        sandbox.close()


def _count(controller: str) -> int:
    """How many groups its hierarchy has, the root included: cgroups(7), /proc/cgroups."""
    rows = (line.split() for line in Path("/proc/cgroups").read_text().splitlines())
    return next(int(row[2]) for row in rows if row[0] == controller)
