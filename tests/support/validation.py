"""The `validation` programs of the OCI runtime-tools (tools/validation): one run of one against one runtime.

A program makes bundles, calls the runtime that $RUNTIME names, and writes what it found in the Test Anything Protocol.
"""

import os
import re
import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import foreign_runtimes
from tests.support.paths import CHECKOUT, LAUNCHERS
from tests.support.waiting import wait_until

PACKAGE = "golang-github-opencontainers-runtime-tools"
BUILD = CHECKOUT / "tools" / "validation" / "build"
RUNTIMES = ("ours", "runc", "crun")
NOT_PROGRAMS = ("runtimetest", "rootfs-")
# Those that wait for a state or a signal do so for at most 10 s, some twice.
TIMEOUT = 90
GROUPS = "swv"
# What is needed beside the hierarchies of a hybrid machine: crun refuses to run beside controllers that are left to
# cgroup v2, and some programs set what only a controller of v1 has.
CONTROLLERS = ("hugetlb", "net_cls", "net_prio")
# $1: a name for groups; $2: a folder; $3: the programs; then the command. It sees groups, processes, /run and temporary
# files of its own: those in /mnt, which a container's user ids can reach, as they cannot a folder of mkdtemp(3).
INSIDE = r"""set -e
mount -t proc proc /proc
hierarchies() {
  awk '$3 ~ /^cgroup/ && $2 ~ "^/sys/fs/cgroup/[^/]*$" { n = split($4, o, ","); print $2, $3, o[n] }' /proc/mounts |
    sort -u
}
hierarchies | while read -r place _ _; do
  group=$place/$1; mkdir "$group"
  if [ -e "$group/cpuset.cpus" ]; then
    for file in cpuset.cpus cpuset.mems; do cat "$place/$file" >"$group/$file"; done
  fi
done
for place in $(hierarchies | cut -d' ' -f1); do echo $$ >"$place/$1/cgroup.procs"; done
hierarchies >"$2/hierarchies"; shift
exec unshare -C sh -c '
  set -e
  mount -t tmpfs -o mode=755 cgroups /sys/fs/cgroup
  while read -r place type name; do
    mkdir "$place"; case $type in cgroup2) name=rw;; esac
    mount -t "$type" -o "$name" cgroup "$place"
  done <"$1/hierarchies"
  for place in /mnt /run; do mount -t tmpfs -o mode=755 files "$place"; done
  export TMPDIR=/mnt; cd "$2"; shift 2; exec "$@"' sh "$@"
"""
# Names that are different each time, as they stand in what an assertion says.
CHANGING = re.compile(r"ocitest\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\bpid \d+|ns\[\d+\]|:\[\d+\]")
ASSERTION = re.compile(r"(not )?ok \d+ ?(?:- )?(.*)")
COMPLAINT = re.compile(r'    "error": "(.*)",?')


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a program found. The texts of its assertions, how often each; `skipped` are those that it did not make."""

    passed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    said: str = ""


def read(status: int | None, out: str, err: str) -> Result:
    """What the output of a program says; `status` None is one that was ended because it took too long.

    Some make no assertions but write a complaint, which counts as one that failed; without any word they have passed.
    So has an exit status: a program that gives up is told apart from one that finds nothing.
    """
    passed: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    skipped = 0
    below_assertion = False
    for line in out.splitlines():
        if found := ASSERTION.fullmatch(line):
            text = CHANGING.sub("*", found[2]).strip() or "(without a name)"
            below_assertion = True
            if text.startswith("# SKIP"):
                skipped += 1
            else:
                (failed if found[1] else passed)[text] += 1
        elif (found := COMPLAINT.fullmatch(line)) and not below_assertion:
            failed[CHANGING.sub("*", found[1].split("\\n")[0])] += 1
    if status is None:
        failed[f"did not end within {TIMEOUT} s"] += 1
    elif status:
        failed["gave up"] += 1
    elif not passed and not failed:
        passed["found nothing to complain about"] += 1
    return Result(passed=passed, failed=failed, skipped=skipped, said=f"{out}\n{err}")


def install() -> Path:
    """The folder with the programs, made first when missing (1-2 minutes). RuntimeError with the log's end."""
    done = subprocess.run([str(BUILD)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return Path(done.stdout.strip()) / "programs"


def names(programs: Path) -> list[str]:
    return sorted(path.name for path in programs.iterdir() if not path.name.startswith(NOT_PROGRAMS))


class Place:
    """Where programs run: a folder, and a mount namespace in which every controller of v1 has a hierarchy."""

    def __init__(self, folder: Path, programs: Path, enter: tuple[str, ...], holder: int) -> None:
        self.programs = programs
        self.package = f"{PACKAGE} {(programs.parent / 'version').read_text().strip()}"
        self._folder = folder
        self._enter = enter
        self._hierarchies = Path(f"/proc/{holder}/root/sys/fs/cgroup")
        self._runtimes = {"ours": LAUNCHERS / "runc"}
        for name in ("runc", "crun"):
            self._runtimes[name] = foreign_runtimes.launcher(name, "sid", folder)
        (folder / "inside").write_text(INSIDE)

    def run_beside(self, program: str) -> dict[str, Result]:
        """On every runtime at the same time: programs wait more than they work."""
        with ThreadPoolExecutor() as pool:
            return dict(zip(RUNTIMES, pool.map(lambda runtime: self.run(program, runtime), RUNTIMES), strict=True))

    def run(self, program: str, runtime: str) -> Result:
        """Nothing is left of it: its processes end with their namespace, its files and mounts with theirs."""
        group = f"{GROUPS}-{secrets.token_hex(4)}"
        script, files = self._folder / "inside", self._folder / group
        files.mkdir()
        namespaces = ["unshare", "-m", "-p", "-f", "--kill-child", "--propagation", "private"]
        argv = [
            *self._enter,
            *namespaces,
            "sh",
            str(script),
            group,
            str(files),
            str(self.programs),
            f"./{program}",
        ]
        environment = os.environ | {"RUNTIME": str(self._runtimes[runtime])}
        try:
            return read(*_run(argv, environment))
        finally:
            self._remove_groups(group)

    def version(self, runtime: str) -> str:
        argv = [str(self._runtimes[runtime]), "--version"]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split("\n")[0]

    def _remove_groups(self, name: str) -> None:
        for place in self._hierarchies.iterdir():
            if place.is_symlink() or not (place / name).is_dir():
                continue
            _remove(place / name)


def _remove(group: Path) -> None:
    """It and the groups below it, once they are empty."""
    folders = [Path(folder) for folder, _, _ in os.walk(group, topdown=False)]
    wait_until(
        lambda: not any((folder / "cgroup.procs").read_text() for folder in folders),
        f"the end of what is in {group.name}",
        20,
    )
    for folder in folders:
        folder.rmdir()


def _run(argv: list[str], environment: dict[str, str]) -> tuple[int | None, str, str]:
    """Status, output, errors. When it takes too long, what keeps the pipes open goes with the PID namespace."""
    process = subprocess.Popen(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, err = process.communicate(timeout=TIMEOUT)
        return process.returncode, out, err
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return None, out, err
    except BaseException:  # an interrupt
        process.kill()
        process.communicate()
        raise


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """A place to run in; `folder` exists, and its owner removes it."""
    programs = install()
    with foreign_runtimes.hierarchies_of_v1(folder / "stage", GROUPS, CONTROLLERS) as sandbox:
        enter = ("nsenter", "-t", str(sandbox.pid), "-m", "--")
        yield Place(folder, programs, enter, sandbox.pid)
