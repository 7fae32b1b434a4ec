"""The cgroup file systems: where they are mounted, and what is done to one group by files. v1, v2 and hybrid.

A *hierarchy* is one mounted cgroup file system; v2 has one, called `""`; v1 has one per controller or bundle of them.
"""

import errno
import os
import time

from slipway.linux.cgroup_names import HYBRID as HYBRID
from slipway.linux.cgroup_names import UNIFIED as UNIFIED

ROOT = "/sys/fs/cgroup"

_CONTROLLERS = frozenset(
    (
        "blkio",
        "cpu",
        "cpuacct",
        "cpuset",
        "devices",
        "freezer",
        "hugetlb",
        "memory",
        "misc",
        "net_cls",
        "net_prio",
        "perf_event",
        "pids",
        "rdma",
    )
)
_PAUSE = 0.002


class Hierarchies:
    """`points`: controller (`memory`, `name=systemd`; UNIFIED for v2, HYBRID for v2 beside v1) -> mount point."""

    __slots__ = ("points", "unified")

    def __init__(self, unified: bool, points: dict[str, str]) -> None:
        self.unified = unified
        self.points = points


def is_unified() -> bool:
    """Whether v2 alone is mounted (a hybrid machine counts as v1)."""
    return os.path.exists(f"{ROOT}/cgroup.controllers")


def discover() -> Hierarchies:
    """Look at the machine's mounts."""
    if is_unified():
        return Hierarchies(True, {UNIFIED: ROOT})
    points: dict[str, str] = {}
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            fields, _, rest = line.decode().partition(" - ")
            kind, _, options = rest.split(" ")[:3]
            if kind == "cgroup":
                for name in options.strip().split(","):
                    if name in _CONTROLLERS or name.startswith("name="):
                        points.setdefault(name, fields.split(" ")[4])
            elif kind == "cgroup2":
                points.setdefault(HYBRID, fields.split(" ")[4])
    return Hierarchies(False, points)


def own_groups(pid: "int | str" = "self") -> dict[str, str]:
    """The group of a process in each hierarchy, as /proc/PID/cgroup says; v2's is there as UNIFIED and as HYBRID."""
    groups: dict[str, str] = {}
    with open(f"/proc/{pid}/cgroup", "rb") as file:
        for line in file:
            _, names, path = line.decode().rstrip("\n").split(":", 2)
            for name in names.split(","):
                groups[name] = path
    if UNIFIED in groups:
        groups[HYBRID] = groups[UNIFIED]
    return groups


def write(group: str, file: str, value: str) -> None:
    """Write one control file. Raises OSError naming it."""
    path = f"{group}/{file}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{path} = {value}") from None
    finally:
        os.close(descriptor)


def read(group: str, file: str) -> str:
    """A control file's text without the final line break."""
    with open(f"{group}/{file}", "rb") as stream:
        return stream.read().decode().rstrip("\n")


def make(group: str, mode: int = 0o755) -> None:
    """Make a group and those above it; existing ones, also those that others make meanwhile, stay as they are."""
    try:
        os.mkdir(group, mode)
    except FileExistsError:
        return
    except FileNotFoundError:
        make(group.rpartition("/")[0], mode)
        make(group, mode)


def fill_cpuset(group: str) -> None:
    """Give a v1 cpuset that has none the processors and memory nodes of the one above: it takes no process without."""
    for file in ("cpuset.cpus", "cpuset.mems"):
        if not read(group, file):
            parent = group.rpartition("/")[0]
            fill_cpuset(parent)
            write(group, file, read(parent, file))


def add_process(group: str, pid: int) -> None:
    """Move a process into a group; 0 is the caller itself."""
    write(group, "cgroup.procs", str(pid))


def join(group: str) -> None:
    """Move this process, which has one thread, into a v1 group, without the wait of `add_process`.

    The kernel shuts out every fork and exec of the machine to move a process, and waits an RCU grace period for that;
    to move the calling thread alone it need not (cgroup_procs_write_start).
    """
    write(group, "tasks", "0")


def kill(group: str) -> bool:
    """Kill every process of a v2 group and of those below, also those being forked; False where that is not possible.

    That is before Linux 5.14, in a threaded group, and for a user to whom the group's directory alone was given.
    """
    try:
        write(group, "cgroup.kill", "1")
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM):
            raise
        return False
    return True


def hand_over(group: str, uid: int) -> None:
    """Delegate a v2 group to a user, as cgroups(7) describes: its directory, and the files that the kernel names."""
    os.chown(group, uid, -1)
    for file in _delegated_files():
        try:
            os.chown(f"{group}/{file}", uid, -1)
        except FileNotFoundError:
            continue


def _delegated_files() -> list[str]:
    try:
        return read("/sys/kernel/cgroup", "delegate").split()
    except FileNotFoundError:
        return ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]  # before Linux 4.15


def processes(group: str) -> list[int]:
    """The processes of a group and of all groups below; empty if the group is gone."""
    found: list[int] = []
    for directory in _tree(group):
        try:
            with open(f"{directory}/cgroup.procs", "rb") as file:
                found.extend(int(line) for line in file)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV):
                raise
    return found


def remove(group: str, timeout: float) -> None:
    """Remove a group and those below it, waiting up to `timeout` seconds for dying processes to leave.

    A group that is gone is fine. Raises OSError (EBUSY) if somebody still lives in it.
    """
    deadline = time.monotonic() + timeout
    for directory in reversed(_tree(group)):
        while not _removed(directory):
            if time.monotonic() > deadline:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), directory)
            time.sleep(_PAUSE)  # v1 has no event for an emptied group


def _removed(directory: str) -> bool:
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        raise
    return True


def _tree(group: str) -> list[str]:
    """A group and all below it, parents first."""
    directories = [group]
    for directory in directories:
        try:
            with os.scandir(directory) as entries:
                directories.extend(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            continue
    return directories
