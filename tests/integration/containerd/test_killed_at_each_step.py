"""kill -9 of the shim, of containerd or of the runtime at each step of a container's life, without a dockerd above:
what is told afterwards is true, nothing is left without an owner, and nothing is in the way of the next container."""

import contextlib
import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import cgroup_folders, processes
from tests.support.paths import LAUNCHERS
from tests.support.sample import is_in_sample
from tests.support.waiting import wait_until
from tests.system.gate import Gate

ID = "c"
TRIES = 24
VICTIMS = ("shim", "forerunner", "containerd", "runtime")
ENDS_ON_TERM = ("/bin/sh", "-c", "trap 'exit 3' TERM; touch /tmp/ready; while :; do sleep 0.05; done")


class Life:
    """One containerd, whose containers are made by a runtime that stops where it is told."""

    def __init__(self, daemon: OurContainerd, gate: Gate, root: Path) -> None:
        self.daemon, self.gate, self.root = daemon, gate, root
        self.is_dead = False

    def run(self, *program: str) -> list[str]:
        runtime = ["--runc-binary", str(self.gate.program), "--runc-root", f"{self.daemon.folder}/runc"]
        return ["run", "-d", "--null-io", "--rootfs", *runtime, str(self.root), ID, *program]

    def begin(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """A `ctr` that may fail."""
        return subprocess.Popen(self.daemon.ctr_argv(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def do(self, *arguments: str) -> int:
        return self.daemon.ctr(*arguments, check=False).returncode

    def shims(self) -> list[processes.Process]:
        """The shim, and then its forerunner if there is one."""
        found = [p for p in self._of_containers() if "containerd-shim" in p.command]
        return sorted(found, key=lambda p: p.parent in {other.pid for other in found})

    def _of_containers(self) -> list[processes.Process]:
        return processes.mentioning(f"-namespace {self.daemon.namespace} -id ")

    def kill(self, victim: str) -> None:
        if victim == "containerd":
            self.daemon.kill()
            self.is_dead = True
        elif victim == "runtime":
            processes.end(processes.mentioning(str(self.gate.program)))
        else:
            shims = self.shims()
            processes.end([shims[0 if victim == "shim" else -1]])

    def recover(self) -> None:
        """All serve again."""
        if self.is_dead:
            self.daemon.start()
            self.is_dead = False

    def status(self) -> tuple[int, str]:
        """What is told of the task: its pid and status; (0, "") where there is none."""
        for line in self.daemon.ctr("task", "ls").stdout.decode().splitlines()[1:]:
            name, pid, status = line.split()
            if name == ID:
                return int(pid), status
        return 0, ""

    def is_true(self) -> bool:
        """Whether what is told is what there is."""
        pid, status = self.status()
        members = cgroup_folders.members(self.daemon.namespace)
        process = processes.read(pid) if pid else None
        lives = process is not None and process.state not in "ZX"
        if status in ("RUNNING", "CREATED"):
            return lives and pid in members and bool(self.shims())
        if status == "STOPPED":
            return not lives and not members and bool(self.shims())
        return status == "" and not members and not self.shims() and not self._bundles()

    def _bundles(self) -> list[Path]:
        folder = self.daemon.folder
        places = (folder / "state", folder / "root")
        return [p for place in places for p in place.glob(f"io.containerd.runtime.v2.task/{self.daemon.namespace}/*")]

    def left(self) -> list[str]:
        """What there is of containers where none should be."""
        mounts = Path(f"/proc/{self.daemon.pid}/mountinfo").read_text().splitlines()
        found = [p.command for p in [*self._of_containers(), *processes.mentioning(str(self.gate.program))]]
        found += [str(pid) for pid in cgroup_folders.members(self.daemon.namespace)]
        found += [f"{top}/{name}" for top in cgroup_folders.named(self.daemon.namespace) for name in folders_in(top)]
        found += [line.split()[4] for line in mounts if f"{self.daemon.folder}/state" in line]
        found += map(str, self._bundles())
        found += map(str, (self.daemon.folder / "state/s").glob("*"))
        found += map(str, (self.daemon.folder / "runc").glob("*/*"))
        return found

    def clean(self) -> None:
        """Take all away as a user would, whatever state it is in."""
        (self.root / "tmp/ready").unlink(missing_ok=True)
        self.do("task", "kill", "-s", "KILL", ID)
        wait_until(lambda: self.status()[1] in ("", "STOPPED"), "the task to stop")
        self.do("task", "rm", "-f", ID)
        self.do("container", "rm", ID)
        wait_until(lambda: not self.left(), f"nothing to be left, but there is {self.left()}")


def folders_in(place: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return [entry.name for entry in os.scandir(place) if entry.is_dir()]
    return []


@pytest.fixture(scope="module")
def daemon(machine_unchanged: None, short_folder: Path) -> Iterator[OurContainerd]:
    daemon = OurContainerd(Path(tempfile.mkdtemp(prefix="kl", dir=short_folder)))
    try:
        yield daemon.start()
    finally:
        daemon.close()


@pytest.fixture(scope="module")
def gate(short_folder: Path) -> Gate:
    return Gate(Path(tempfile.mkdtemp(prefix="gt", dir=short_folder)) / "gate", LAUNCHERS / "runc").make()


@pytest.fixture
def life(daemon: OurContainerd, gate: Gate, root_folder: Path) -> Iterator[Life]:
    life = Life(daemon, gate, root_folder)
    yield life
    for name in ("stop-at", "stop-after"):
        for path in gate.folder.glob(f"{name}-*"):
            path.unlink()
    gate.open()
    life.recover()
    life.clean()


def cases() -> list[object]:
    steps = ("create", "start", "exec", "kill", "delete")
    found = []
    for step, when, victim in itertools.product(steps, ("at", "after"), VICTIMS):
        name = f"{step}-{when}-{victim}"
        marks = [] if is_in_sample(name, 6) else [pytest.mark.matrix]
        found.append(pytest.param(step, when, victim, id=name, marks=marks))
    return found


def commands(life: Life, step: str) -> tuple[list[str], ...]:
    """What brings a container to a step, and the command that takes it."""
    if step in ("create", "start"):
        return (life.run(*ENDS_ON_TERM),)
    sleeping = life.run(*ENDS_ON_TERM)
    return {
        "exec": (sleeping, ["task", "exec", "--exec-id", "e", ID, "/bin/sleep", "1000"]),
        "kill": (sleeping, ["task", "kill", "-s", "TERM", ID]),
        "delete": (sleeping, ["task", "kill", "-s", "KILL", ID], ["task", "rm", ID]),
    }[step]


@pytest.mark.parametrize(("step", "when", "victim"), cases())
def test_who_is_killed_at_a_step(life: Life, step: str, when: str, victim: str) -> None:
    *before, command = commands(life, step)
    for words in before:
        assert life.do(*words) == 0
    if before:
        wait_until((life.root / "tmp/ready").exists, "the program to be ready")
    if step == "delete":
        wait_until(lambda: life.status()[1] == "STOPPED", "the task to stop")
    life.gate.close_at(step, when=when)
    asked = life.begin(*command)
    life.gate.wait_reached()
    life.kill(victim)
    life.gate.open()
    life.recover()
    asked.wait(30)
    wait_until(life.is_true, f"the truth to be told, not {life.status()}")
    if victim in ("containerd", "runtime") and step in ("exec", "kill"):
        assert life.do("task", "kill", "-s", "TERM", ID) in (0, 1)
        wait_until(lambda: life.status()[1] == "STOPPED", "the task to stop")
        removed = life.daemon.ctr("task", "rm", ID, check=False)
        assert b"exit code 3" in removed.stderr or b"exited with" in removed.stderr or removed.returncode in (0, 3)
    life.clean()
    assert life.do(*life.run("/bin/sleep", "1000")) == 0  # nothing is in the way
    assert life.status()[1] == "RUNNING"


@pytest.mark.parametrize("victim", ["shim", "containerd"])
def test_who_is_killed_at_the_exit(life: Life, victim: str) -> None:
    """The shim is stopped when its container ends, and killed before it could tell anybody."""
    assert life.do(*life.run(*ENDS_ON_TERM)) == 0
    wait_until((life.root / "tmp/ready").exists, "the program to be ready")
    init = processes.read(life.status()[0])
    assert init is not None
    shims = life.shims()
    with contextlib.ExitStack() as going_on:
        for shim in shims:
            going_on.enter_context(processes.stopped(shim.pid))
        os.kill(init.pid, 15)
        wait_until(lambda: not init.is_alive(), "the container's end")
        life.kill(victim)
    life.recover()
    expected = (0, "") if victim == "shim" else (init.pid, "STOPPED")
    wait_until(lambda: life.status() == expected, f"{expected} to be told")
    wait_until(life.is_true, "that to be true")
    if victim == "containerd":
        assert b"exit code 3" in life.daemon.ctr("task", "rm", ID, check=False).stderr


@pytest.mark.matrix
@pytest.mark.parametrize("verb", ["run", "exec", "kill", "rm"])
def test_our_runtime_is_killed_at_any_moment(life: Life, verb: str) -> None:
    """The one that shims fork: at moments across the time that it takes. It is not stopped before that."""
    hits, step = 0, {"run": 5e-4, "exec": 5e-4, "kill": 5e-5, "rm": 2e-4}[verb]
    for tries in range(TRIES):
        arguments = life.run("/bin/sleep", "1000")
        at = arguments.index("--runc-binary")
        del arguments[at : at + 2]
        if verb != "run":
            assert life.do(*arguments) == 0
            arguments = {
                "exec": ["task", "exec", "--exec-id", "e", ID, "/bin/true"],
                "kill": ["task", "kill", "-s", "KILL", ID],
                "rm": ["task", "rm", "-f", ID],
            }[verb]
        known = {p.pid for p in life.shims()} | cgroup_folders.members(life.daemon.namespace)
        asked = life.begin(*arguments)
        hits += kill_the_runtime(life, known, asked, tries * step)
        asked.wait(30)
        wait_until(life.is_true, f"the truth to be told, not {life.status()}")
        life.clean()
    assert hits  # the shortest command is over before the later moments


def kill_the_runtime(life: Life, known: set[int], asked: "subprocess.Popen[bytes]", after: float) -> bool:
    """The first child of the shim that is none of `known`, nor its heir, so many seconds after it was seen; whether
    there was one."""
    shims: list[int] = []
    while asked.poll() is None:
        shims = shims or [shim.pid for shim in life.shims()]
        for shim in shims[-1:]:
            for child in children(shim):
                if child not in known:
                    time.sleep(after)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, 9)
                        return True
    return False


def children(pid: int) -> list[int]:
    try:
        return processes.children_of(pid)
    except OSError:
        return []
