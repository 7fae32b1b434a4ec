"""Containers of an ordinary user: with their own id alone, with subordinate ids, with and without control groups."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from slipway.linux import cgroups
from tests.integration.runc.conftest import place
from tests.integration.runc.rootless import PLACE, PYTHON, UserMachine
from tests.support import processes
from tests.support.ordinary_user import (
    FILES,
    SUBORDINATE,
    USER,
    a_group,
    a_limit,
    more_groups,
    no_user_namespace,
    with_subordinates,
)
from tests.support.waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.root
matrix = pytest.mark.matrix


@pytest.fixture
def user() -> Iterator[UserMachine]:
    """No group of this machine is the user's."""
    with place(UserMachine) as machine:
        yield machine


def ids_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: rest.strip() for name, _, rest in (line.partition(":") for line in lines)}


def test_the_example_of_spec_runs_as_it_is_written(user: UserMachine) -> None:
    bundle = user.bundle()
    (bundle / "config.json").unlink()
    user.ok("spec", "--rootless", "--bundle", str(bundle))
    spec = user.written_by(bundle)
    spec["process"] |= {"terminal": False, "args": ["sh", "-c", "id -u; id -g; cat /proc/self/uid_map; ls /dev"]}
    (bundle / "config.json").write_text(json.dumps(spec))
    output = user.ok("run", "--bundle", str(bundle), "c1").split()
    assert output[:2] == ["0", "0"]
    assert output[2:5] == ["0", str(USER), "1"]
    assert {"null", "zero", "full", "random", "urandom", "tty", "pts", "ptmx", "shm"} <= set(output)
    assert user.containers() == []


def test_the_whole_life_of_a_container_needs_no_privilege(user: UserMachine) -> None:
    container = user.started("sleep", "1000")
    state = user.state(container)
    assert state["status"] == "running"
    status = ids_of(state["pid"])
    assert set(status["Uid"].split()) == {str(USER)}
    assert status["NSpid"].split()[-1] == "1"
    assert user.ok("exec", container, "sh", "-c", "id -u; ls /proc | grep -c '^[0-9]'").split()[0] == "0"
    assert container in user.ok("list")
    saved = json.loads((user.root / container / "state.json").read_text())
    assert (saved["rootless"], saved["cgroup_paths"]) == (True, {})
    user.ok("kill", container, "KILL")
    wait_until(lambda: user.state(container)["status"] == "stopped", "its end")
    user.ok("delete", container)
    assert os.listdir(user.root) == []


def test_what_is_executed_is_in_the_namespaces_of_the_container(user: UserMachine) -> None:
    container = user.started("sleep", "1000")
    script = "for n in pid mnt user ipc uts; do readlink /proc/self/ns/$n; done"
    inside = user.ok("exec", container, "sh", "-c", script.replace("readlink", "ls -l")).splitlines()
    pid = user.state(container)["pid"]
    theirs = [os.readlink(f"/proc/{pid}/ns/{name}") for name in ("pid", "mnt", "user", "ipc", "uts")]
    assert [line.rpartition(" ")[2] for line in inside] == theirs
    assert user.runc("exec", container, "sh", "-c", "exit 42").returncode == 42
    assert user.runc("exec", container, "/nosuch").returncode == 255


def test_an_executed_program_may_stay_behind(user: UserMachine) -> None:
    container = user.started("sleep", "1000")
    file = user.folder / "pid"
    user.ok_detached("exec", "--detach", "--pid-file", str(file), container, "sleep", "999")
    pid = int(file.read_text())
    # In the middle of execve(2) a process has its new name, and no arguments yet.
    wait_until(lambda: (now := processes.read(pid)) is not None and "sleep 999" in now.command, "its arguments")
    found = processes.read(pid)
    assert found is not None
    user.ok("kill", container, "KILL")
    wait_until(lambda: not found.is_alive(), "the end of what was executed")


def test_the_score_of_want_of_memory_can_be_raised(user: UserMachine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["process"]["oomScoreAdj"] = 777

    done = user.run("cat", "/proc/self/oom_score_adj", change=change)
    assert done.stdout == "777\n", done.stderr


GRAB = (
    "for d in /sys/fs/cgroup /sys/fs/cgroup/*/ /sys/fs/cgroup/*/*/; do "
    "[ -e $d/cgroup.procs ] || continue; "  # a folder of tmpfs between them is the container's own
    "echo saw >>/groups; "
    "busybox mkdir $d/slipway-grab 2>/dev/null && echo made in $d; "
    "(echo 0 >$d/cgroup.procs) 2>/dev/null && echo moved to $d; "
    "done; busybox sort -u /groups"
)


@pytest.mark.in_guest
@pytest.mark.parametrize("own_namespace", [True, False], ids=["own cgroup namespace", "the host's"])
@pytest.mark.parametrize("mounted", [True, False], ids=["mounted", "of /sys"])
def test_no_group_of_the_machine_can_be_changed(user: UserMachine, own_namespace: bool, mounted: bool) -> None:
    """CVE-2023-25809: the groups of a rootless container that were writable were its user's own, outside."""

    def change(spec: dict[str, Any]) -> None:
        kinds = spec["linux"]["namespaces"]
        if {"type": "cgroup"} in kinds and not own_namespace:
            kinds.remove({"type": "cgroup"})
        elif {"type": "cgroup"} not in kinds and own_namespace:
            kinds.append({"type": "cgroup"})
        spec["mounts"] = [mount for mount in spec["mounts"] if mount["destination"] != "/sys/fs/cgroup"]
        if mounted:
            spec["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"})

    done = user.run("sh", "-c", GRAB, change=change)
    assert done.stdout == "saw\n", done


def test_a_terminal_is_the_container_s(user: UserMachine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["process"]["terminal"] = True

    bundle = user.bundle("sh", "-c", "tty; id -u", change=change)
    done = user.runc("run", "--bundle", str(bundle), "c1")
    assert done.stdout.split() == ["/dev/pts/0", "0"], done.stderr


# What an ordinary user cannot have is one sentence, and nothing stays.


def foreign_group_of_a_mount(spec: dict[str, Any]) -> None:
    next(item for item in spec["mounts"] if item["type"] == "devpts")["options"].append("gid=5")


def a_network_device(spec: dict[str, Any]) -> None:
    spec["linux"]["netDevices"] = {"eth0": {}}
    spec["linux"]["namespaces"].append({"type": "network"})


def a_mapped_mount(spec: dict[str, Any]) -> None:
    spec["mounts"].append({"destination": "/x", "type": "bind", "source": "/mnt", "options": ["bind", "idmap"]})


def a_source_that_is_root_s(spec: dict[str, Any]) -> None:
    spec["mounts"].append({"destination": "/x", "type": "bind", "source": "/root/x", "options": ["bind"]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_user_namespace, "rootless container requires user namespaces"),
        pytest.param(foreign_group_of_a_mount, "cannot specify gid=5 mount option for rootless", marks=matrix),
        pytest.param(more_groups, "cannot set any additional groups in a rootless container", marks=matrix),
        pytest.param(a_network_device, "network devices are not supported for rootless containers", marks=matrix),
        pytest.param(a_mapped_mount, "id-mapped mounts are not supported for rootless containers", marks=matrix),
        (a_source_that_is_root_s, "/root/x: permission denied"),
        (a_limit, "cgroup"),
        (a_group, "unable to apply cgroup configuration"),
    ],
)
def test_what_a_user_cannot_have_is_refused(user: UserMachine, change: Any, words: str) -> None:
    done = user.run("true", change=change)
    assert done.returncode == 1
    assert words in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert user.containers() == []


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("pause",), "cannot pause a container that has no cgroup"),
        pytest.param(("ps",), "cannot tell the processes of a container that has no cgroup", marks=matrix),
        pytest.param(("update", "--pids-limit", "5"), "cannot set pids limit: container could not join", marks=matrix),
    ],
)
def test_what_needs_a_group_says_so(user: UserMachine, words: tuple[str, ...], answer: str) -> None:
    if words[0] == "update" and cgroups.is_unified():
        answer = "container could not join"
    container = user.started("sleep", "1000")
    done = user.runc(*words, container)
    assert done.returncode == 1
    assert answer in done.stderr


# Subordinate ids.


def test_without_the_tools_a_user_maps_only_their_own_id(user: UserMachine) -> None:
    user.environment = ("PATH=/nowhere",)
    done = user.run("true", change=with_subordinates)
    assert done.returncode == 1
    assert "which is not in $PATH" in done.stderr
    assert "uidmap" in done.stderr
    assert user.containers() == []


@pytest.fixture
def subordinate(user: UserMachine) -> UserMachine:
    """With newuidmap, which the guest has."""
    for path, text in FILES.items():
        Path(path).touch()
        user.show(path, text)
    return user


@pytest.mark.vm
def test_subordinate_ids_are_the_container_s_other_users(subordinate: UserMachine) -> None:
    def change(spec: dict[str, Any]) -> None:
        with_subordinates(spec)
        spec["process"]["user"] = {"uid": 33, "gid": 34, "additionalGids": [35]}
        spec["process"]["args"] = ["sh", "-c", "id -u; id -g; id -G; touch /tmp/file; ls -ln /tmp"]
        spec["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]})
        next(item for item in spec["mounts"] if item["type"] == "devpts")["options"].append("gid=5")

    bundle = subordinate.bundle("sh", change=change)
    output = subordinate.ok("run", "--bundle", str(bundle), "c1").split()
    assert output[:4] == ["33", "34", "34", "35"]
    assert output[-9:-5] == ["-rw-r--r--", "1", "33", "34"]


@pytest.mark.vm
def test_what_is_executed_can_be_any_user_of_the_container(subordinate: UserMachine) -> None:
    container = subordinate.started("sleep", "1000", change=with_subordinates)
    assert subordinate.ok("exec", "--user", "33:44", container, "id", "-u") == "33\n"
    assert subordinate.ok("exec", container, "id", "-u") == "0\n"


@pytest.mark.vm
def test_ids_that_are_not_the_user_s_are_refused(subordinate: UserMachine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["uidMappings"].append({"containerID": 1, "hostID": SUBORDINATE + 1, "size": 65536})
        spec["linux"]["gidMappings"].append({"containerID": 1, "hostID": SUBORDINATE, "size": 65536})

    done = subordinate.run("true", change=change)
    assert done.returncode == 1
    assert "uid_map" in done.stderr
    assert "/etc/subuid says what a user may map" in done.stderr
    assert subordinate.containers() == []


# Delegated groups.


class Delegation:
    """Groups of every hierarchy that belong to a user, and a way to be in them."""

    def __init__(self, name: str) -> None:
        hierarchies = cgroups.discover()
        self.tops = [f"{point}/{name}" for point in dict.fromkeys(hierarchies.points.values())]
        self.unified = hierarchies.unified
        for top in self.tops:
            os.mkdir(top)
            if self.unified:
                (Path(top).parent / "cgroup.subtree_control").write_text("+pids +memory +cpu")
                os.mkdir(f"{top}/session")
            if os.path.exists(f"{top}/cpuset.cpus") and not self.unified:
                for file in ("cpuset.cpus", "cpuset.mems"):
                    Path(top, file).write_text(Path(top).parent.joinpath(file).read_text())
            for folder, _, files in os.walk(top):
                os.chown(folder, USER, USER)
                for file in files:
                    if file in ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads", "tasks"):
                        os.chown(f"{folder}/{file}", USER, USER)

    def enter(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` there. On v2 a group with processes has no groups with limits below it."""
        places = [f"{top}/session" if self.unified else top for top in self.tops]
        script = 'while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 9; shift; done; shift; exec "$@"'
        return ["sh", "-c", script, "sh", *places, "--", *argv]

    def close(self) -> None:
        for top in self.tops:
            with suppress(FileNotFoundError):
                cgroups.remove(top, 10.0)


class DelegatedMachine(UserMachine):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.delegation = Delegation(f"slipway-{folder.name}")

    def close(self) -> None:
        super().close()
        self.delegation.close()

    def runc_argv(self, *words: str) -> list[str]:
        return self.delegation.enter(super().runc_argv(*words))


@pytest.fixture
def delegated() -> Iterator[DelegatedMachine]:
    with place(DelegatedMachine) as machine:
        yield machine


@pytest.mark.in_guest
def test_a_delegated_group_has_limits_and_can_be_paused(delegated: DelegatedMachine) -> None:
    container = delegated.started("sleep", "1000", change=a_limit)
    pid = delegated.state(container)["pid"]
    saved = json.loads((delegated.root / container / "state.json").read_text())
    group = saved["cgroup_paths"]["" if cgroups.is_unified() else "pids"]
    assert Path(group, "pids.max").read_text() == "10\n"
    assert Path(group, "cgroup.procs").read_text().split() == [str(pid)]
    assert os.stat(group).st_uid == USER
    assert str(pid) in delegated.ok("ps", container)
    delegated.ok("pause", container)
    assert delegated.state(container)["status"] == "paused"
    delegated.ok("resume", container)
    delegated.ok("update", "--pids-limit", "20", container)
    assert Path(group, "pids.max").read_text() == "20\n"
    assert delegated.ok("exec", container, "id", "-u") == "0\n"
    delegated.ok("delete", "--force", container)
    assert not os.path.exists(group)


def test_who_is_in_another_group_of_the_user_s_executes_from_there(delegated: DelegatedMachine) -> None:
    """Another session: the kernel lets nobody move a process whose common group is root's."""
    container = delegated.started("sleep", "1000")
    outside = subprocess.run(
        ["unshare", "-m", "--propagation", "private", *UserMachine.runc_argv(delegated, "exec", container, "id", "-u")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (outside.returncode, outside.stdout) == (0, "0\n"), outside.stderr


# Root in a user namespace, as in a rootless Podman.


def as_root_of_a_namespace(machine: UserMachine, *words: str) -> subprocess.CompletedProcess[str]:
    argv = machine.runc_argv(*words)
    at = argv.index(PYTHON)
    argv[at:at] = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"]
    argv = ["unshare", "-m", "--propagation", "private", *argv]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def test_root_of_a_user_namespace_is_no_root_of_the_machine(user: UserMachine) -> None:
    """Groups that it cannot have are left out in silence: they are those of an image, and nobody asked for them."""

    def change(spec: dict[str, Any]) -> None:
        no_user_namespace(spec)
        more_groups(spec)

    bundle = user.bundle("sh", "-c", "id -u; ls /dev", change=change)
    done = as_root_of_a_namespace(user, "run", "--bundle", str(bundle), "c1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "0"
    assert "null" in done.stdout.split()


def test_root_of_a_user_namespace_has_the_groups_that_are_delegated(delegated: DelegatedMachine) -> None:
    """Also with a PID namespace, which init enters itself: its limits hold from the start."""

    def change(spec: dict[str, Any]) -> None:
        no_user_namespace(spec)
        a_limit(spec)

    inside = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done"
    bundle = delegated.bundle("sh", "-c", inside, change=change)
    done = as_root_of_a_namespace(delegated, "run", "--bundle", str(bundle), "box")
    assert "can't fork" in done.stderr


def test_what_fails_after_init_has_forked_leaves_nothing(delegated: DelegatedMachine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["resources"] = {"pids": {"limit": 10}, "cpu": {"period": 1}}

    began = time.monotonic()
    done = delegated.run("true", change=change)
    assert done.returncode == 1
    assert "failed to write" in done.stderr
    assert time.monotonic() - began < 8 * SLOWNESS  # it need not wait for processes that nobody has told to end
    assert [name for top in delegated.delegation.tops for name in os.listdir(top) if name.startswith("bundle")] == []


# The interpreter's file (CVE-2019-5736): a user's own could be written by the user's containers.

WRITE_AFTER_ITS_END = """
import os, subprocess, sys
program = sys.argv[1:]
child = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert child.stdout.readline() == b"ready\\n"
handle = os.open(f"/proc/{child.pid}/exe", os.O_PATH)
child.communicate(b"\\n")
try:
    os.write(os.open(f"/proc/self/fd/{handle}", os.O_WRONLY), b"\\x7f")
    print("written")
except OSError as error:
    print(error.strerror)
"""
WAIT = f"""
import os, sys
sys.path.insert(0, "{PLACE}/src")
from slipway.linux import executable
if not executable.is_unwritable():
    executable.execute_sealed(sys.orig_argv, os.environ)
print("ready", flush=True)
sys.stdin.readline()
"""


def own_interpreter(user: UserMachine) -> Path:
    """A copy that is the user's, with this machine's library, as in a home folder."""
    program = user.folder / "python/bin" / os.path.basename(PYTHON)
    program.parent.mkdir(parents=True)
    (user.folder / "python/lib").symlink_to(Path(os.__file__).parents[1])
    shutil.copy(PYTHON, program)
    os.chown(program, USER, USER)
    return program


def test_an_interpreter_of_the_user_s_own_cannot_be_written(user: UserMachine) -> None:
    program = own_interpreter(user)
    attack = [PYTHON, "-c", WRITE_AFTER_ITS_END]
    unprotected = user.as_user(*attack, str(program), "-I", "-S", "-c", "print('ready', flush=True); input()")
    assert unprotected.stdout == "written\n", unprotected.stderr
    sealed = user.as_user(*attack, str(program), "-I", "-S", "-c", WAIT)
    assert sealed.stdout == "Operation not permitted\n", sealed.stderr
    of_root = user.as_user(*attack, PYTHON, "-I", "-S", "-c", WAIT)
    assert of_root.stdout == "Permission denied\n", of_root.stderr


def test_an_interpreter_of_the_user_s_own_runs_containers(user: UserMachine) -> None:
    program = own_interpreter(user)
    argv = user.runc_argv("run", "--bundle", str(user.bundle("id", "-u")), "c1")
    done = user.as_user(*[str(program) if word == PYTHON else word for word in argv[argv.index(PYTHON) :]])
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
