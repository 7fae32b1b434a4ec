"""Containers in scopes of systemd, where it runs: in the guest. Elsewhere they are refused."""

import json
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.linux import cgroups
from slipway.runc.spec.example import make_rootless
from tests.integration.runc.conftest import PRIVATE_MOUNTS, Machine
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

ORIGINAL = CHECKOUT / "originals" / "usr"  # put there by tools/dev/guest.py, as are these programs
ORIGINAL_PROGRAMS = CHECKOUT / "originals" / "bin"
WITHOUT_SYSTEMD = '[ ! -d /run/systemd ] || mount -t tmpfs none /run/systemd && exec "$@"'
UNIFIED = Path("/sys/fs/cgroup")
RESOURCES = {
    "devices": [{"allow": False, "access": "rwm"}],
    "memory": {"limit": 64 << 20, "reservation": 32 << 20, "swap": 96 << 20},
    "cpu": {"shares": 512, "quota": 50500, "period": 100000, "cpus": "0", "mems": "0"},
    "pids": {"limit": 42},
    "unified": {"memory.high": "50000000"},
}
ANNOTATIONS = {
    "org.systemd.property.TimeoutStopSec": "90",
    "org.systemd.property.CollectMode": "'inactive-or-failed'",
}
# What differs between any two units, or two moments.
FLEETING = (
    "Timestamp",
    "ID",
    "Id",
    "Current",
    "Available",
    "NSec",
    "Bytes",
    "Operations",
    "DropIn",
    "NeedDaemonReload",
)


def in_scope(number: int, machine: Machine, **linux: Any) -> Any:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"] |= {"cgroupsPath": f"sw-test.slice:{machine.folder.name}:{number}", **linux}
        spec["annotations"] = dict(ANNOTATIONS)

    return change


def unit_of(number: int, machine: Machine) -> str:
    return f"{machine.folder.name}-{number}.scope"


def group_of(number: int, machine: Machine) -> Path:
    return UNIFIED / "sw.slice" / "sw-test.slice" / unit_of(number, machine)


def start(machine: Machine, bundle: Path) -> str:
    machine.ok_detached("--systemd-cgroup", "run", "--detach", "--bundle", str(bundle), bundle.name)
    return bundle.name


def shown(unit: str) -> dict[str, str]:
    """What systemd says of a unit. Settings that are said several times are one, in order."""
    done = subprocess.run(["systemctl", "show", unit], capture_output=True, text=True, check=True)
    properties: dict[str, str] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        if not any(word in name for word in FLEETING):
            properties[name] = f"{properties[name]}; {value}" if name in properties else value
    return properties


def is_known(unit: str) -> bool:
    words = ["systemctl", "show", "-P", "LoadState", unit]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout != "not-found\n"


def files_of(group: Path) -> dict[str, str]:
    names = ("memory.max", "memory.low", "memory.high", "memory.swap.max", "cpu.max", "cpu.weight", "pids.max")
    return {name: (group / name).read_text().strip() for name in (*names, "cpuset.cpus", "cpuset.mems", "io.weight")}


@pytest.mark.in_guest
def test_without_systemd_a_container_is_refused(machine: Machine) -> None:
    bundle = machine.bundle("true", change=in_scope(1, machine))
    words = machine.runc_argv("--systemd-cgroup", "create", "--bundle", str(bundle), "box")
    words = [*PRIVATE_MOUNTS, "sh", "-c", WITHOUT_SYSTEMD, "sh", *words]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1
    assert (
        "runc create failed: systemd not running on this host, cannot use systemd cgroups manager"
        in done.stderr.splitlines()[0]
    )
    assert not (machine.root / "box").exists()


@pytest.mark.vm
def test_a_container_lives_in_a_scope(machine: Machine) -> None:
    resources = RESOURCES | {"blockIO": {"weight": 300}}
    container = start(machine, machine.bundle("sleep", "1000", change=in_scope(1, machine, resources=resources)))
    unit, group = unit_of(1, machine), group_of(1, machine)
    init = machine.state(container)["pid"]
    assert json.loads((machine.root / container / "state.json").read_text())["cgroup_paths"] == {"": str(group)}
    assert Path(f"/proc/{init}/cgroup").read_text().strip() == f"0::/{group.relative_to(UNIFIED)}"
    properties = shown(unit)
    assert properties["Delegate"] == "yes"
    assert properties["TimeoutStopUSec"] == "1min 30s"
    assert properties["ActiveState"] == "active"
    limits = files_of(group)
    assert (limits["cpu.max"], limits["io.weight"]) == ("51000 100000", "default 2930")
    machine.ok_detached("exec", "--detach", container, "sleep", "1000")
    assert len((group / "cgroup.procs").read_text().split()) == 2
    machine.ok("update", "--memory", "80m", "--memory-swap", "100m", "--pids-limit", "20", container)
    assert files_of(group) == limits | {"memory.max": str(80 << 20), "memory.swap.max": str(20 << 20), "pids.max": "20"}
    assert {"MemoryMax": str(80 << 20), "TasksMax": "20"}.items() <= shown(unit).items()
    machine.ok("pause", container)
    assert machine.state(container)["status"] == "paused"
    machine.ok("kill", "--all", container, "KILL")
    wait_until(lambda: machine.state(container)["status"] == "stopped", "all of a paused container to die")
    machine.ok("delete", container)
    assert not is_known(unit)
    assert not group.exists()


@pytest.mark.vm
def test_a_scope_is_at_the_same_place_of_every_hierarchy(machine: Machine) -> None:
    """Worth running with `tools/vm/run --v1` and `--hybrid`, too."""
    limits = {"memory": {"limit": 64 << 20}, "pids": {"limit": 42}}
    container = start(machine, machine.bundle("sleep", "1000", change=in_scope(1, machine, resources=limits)))
    place = f"/sw.slice/sw-test.slice/{unit_of(1, machine)}"
    groups = cgroups.own_groups(machine.state(container)["pid"])
    assert groups.keys() >= cgroups.discover().points.keys()
    assert set(groups.values()) == {place}
    machine.ok("update", "--pids-limit", "20", container)
    points = cgroups.discover().points
    assert Path(points.get("pids", points.get("", "")) + place, "pids.max").read_text() == "20\n"
    assert shown(unit_of(1, machine))["TasksMax"] == "20"
    machine.ok("delete", "--force", container)
    assert not [point for point in points.values() if Path(point + place).exists()]


@pytest.fixture
def original(tmp_path: Path) -> Iterator[list[str]]:
    """The command that runs the original runc 1.3 with a root of its own."""
    script = f'mount --bind {ORIGINAL} /usr && exec /usr/sbin/runc --root {tmp_path} --systemd-cgroup "$@"'
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "runc"]
    yield command
    for container in tmp_path.iterdir():
        subprocess.run([*command, "delete", "--force", container.name], check=False)


@pytest.mark.vm
def test_a_saved_container_comes_back_in_a_scope(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{ORIGINAL_PROGRAMS}:{os.environ['PATH']}")
    script = "i=0; while [ ! -e /go ]; do i=$((i+1)); echo $i >/count; sleep 0.05; done; exit 7"
    change = in_scope(1, machine, resources={"pids": {"limit": 42}})
    bundle = machine.bundle("sh", "-c", script, change=change)
    unit, group = unit_of(1, machine), group_of(1, machine)
    images = ("--image-path", str(machine.folder / "images"), "--work-path", str(machine.folder))

    def count() -> int:
        file = bundle / "rootfs/count"
        return int(file.read_text() or 0) if file.exists() else 0

    def detached(*words: str) -> None:
        """With /dev/null as standard streams: criu cannot save files that the container does not see."""
        log = machine.folder / "log"
        argv = machine.runc_argv("--log", str(log), "--systemd-cgroup", *words, "--detach", "--bundle", str(bundle))
        null = subprocess.DEVNULL
        done = subprocess.run([*argv, "box"], stdin=null, stdout=null, stderr=null, timeout=60)
        assert done.returncode == 0, log.read_text()

    detached("run")
    wait_until(lambda: count() > 3, "the container to count")
    machine.ok("checkpoint", *images, "box")
    reached = count()
    assert not is_known(unit)
    detached("restore", *images)
    assert str(machine.state("box")["pid"]) in (group / "cgroup.procs").read_text().split()
    assert (shown(unit)["ActiveState"], (group / "pids.max").read_text()) == ("active", "42\n")
    wait_until(lambda: count() > reached, "the container to go on")
    assert count() < reached + 1000
    assert machine.ok("exec", "box", "cat", "/proc/self/cgroup").strip().startswith("0::/")
    (bundle / "rootfs/go").touch()
    wait_until(lambda: machine.state("box")["status"] == "stopped", "the container to end")
    machine.ok("delete", "box")
    assert not is_known(unit)
    assert not group.exists()


@pytest.mark.vm
def test_systemd_says_the_same_of_the_original_s_container(machine: Machine, original: list[str]) -> None:
    bundle = machine.bundle("sleep", "1000", change=in_scope(1, machine, resources=RESOURCES))
    unit, group = unit_of(1, machine), group_of(1, machine)
    with open(os.devnull, "w") as nothing:
        words = [*original, "run", "--detach", "--bundle", str(bundle), "box"]
        subprocess.run(words, stdin=nothing, stdout=nothing, check=True)
    theirs, their_files = shown(unit), files_of(group)
    subprocess.run([*original, "delete", "--force", "box"], check=True)
    container = start(machine, bundle)
    assert shown(unit) == theirs
    assert files_of(group) == their_files
    machine.ok("delete", "--force", container)


@pytest.mark.vm
def test_a_name_that_is_taken_is_refused_and_its_owner_stays(machine: Machine) -> None:
    first = start(machine, machine.bundle("sleep", "1000", change=in_scope(1, machine)))
    bundle = machine.bundle("sleep", "1000", change=in_scope(1, machine))
    done = machine.runc("--systemd-cgroup", "create", "--bundle", str(bundle), "second")
    assert done.returncode == 1
    assert "runc create failed: container's cgroup is not empty: 1 process(es) found" in done.stderr
    assert not (machine.root / "second").exists()
    assert machine.state(first)["status"] == "running"
    assert group_of(1, machine).exists()
    machine.ok("delete", "--force", first)


@pytest.mark.vm
def test_a_container_that_fails_leaves_no_unit_and_tells_why(machine: Machine) -> None:
    bundle = machine.bundle("no-such-program", change=in_scope(1, machine))
    done = machine.runc("--systemd-cgroup", "run", "--bundle", str(bundle), "box")
    assert "no-such-program" in done.stderr
    assert not is_known(unit_of(1, machine))
    assert not group_of(1, machine).exists()

    def wrong(spec: dict[str, Any]) -> None:
        in_scope(1, machine)(spec)
        spec["annotations"]["org.systemd.property.TasksMax"] = "'not a number'"

    bundle = machine.bundle("true", change=wrong)
    done = machine.runc("--systemd-cgroup", "run", "--bundle", str(bundle), "box")
    assert "Failed to set unit properties" in done.stderr
    assert not is_known(unit_of(1, machine))
    assert not (machine.root / "box").exists()


@pytest.mark.vm
def test_a_unit_that_failed_is_forgotten(machine: Machine) -> None:
    """Here by the next container of its name, which finds it failed; `delete` forgets its own."""

    def short(spec: dict[str, Any]) -> None:
        in_scope(1, machine)(spec)
        spec["annotations"] = {
            "org.systemd.property.RuntimeMaxSec": "0.5",
            "org.systemd.property.TimeoutStopUSec": "uint64 10000",
        }

    unit = unit_of(1, machine)
    container = start(machine, machine.bundle("sleep", "1000", change=short))
    wait_until(lambda: shown(unit)["ActiveState"] == "failed", "systemd to end it")
    shutil.rmtree(machine.root / container)
    container = start(machine, machine.bundle("sleep", "1000", change=short))
    wait_until(lambda: shown(unit)["ActiveState"] == "failed", "systemd to end its successor")
    machine.ok("delete", container)
    assert not is_known(unit)


@pytest.mark.vm
@pytest.mark.parametrize("writable", [True, False])
def test_the_container_s_root_may_make_groups_where_it_sees_them_for_writing(machine: Machine, writable: bool) -> None:
    def delegated(spec: dict[str, Any]) -> None:
        in_scope(1, machine)(spec)
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        spec["linux"] |= {"uidMappings": mapping, "gidMappings": mapping}
        spec["linux"]["namespaces"].append({"type": "user"})
        for mount in spec["mounts"]:
            if mount["type"] == "cgroup" and writable:
                mount["options"].remove("ro")

    script = "cd /sys/fs/cgroup && mkdir inner && echo $$ >inner/cgroup.procs && echo +pids >cgroup.subtree_control"
    bundle = machine.bundle("sh", "-c", f"{script} && cat inner/pids.max; exec sleep 1000", change=delegated)
    for path in (machine.folder, bundle, bundle / "rootfs"):
        path.chmod(0o755)
    os.chown(bundle / "rootfs", 100000, 100000)
    container = start(machine, bundle)
    group = group_of(1, machine)
    owners = {name: (group / name).stat().st_uid for name in ("", "cgroup.procs", "cgroup.subtree_control", "pids.max")}
    root = 100000 if writable else 0
    assert owners == {"": root, "cgroup.procs": root, "cgroup.subtree_control": root, "pids.max": 0}
    if writable:
        wait_until(lambda: (group / "inner" / "pids.max").exists(), "the container to hand a controller down")
        assert machine.runc("exec", container, "true").returncode == 0  # beside init, in its group
    machine.ok("delete", "--force", container)
    assert not group.exists()


USER_SYSTEMD = "/usr/lib/systemd/systemd"
AS_USER = """
import subprocess, sys
sys.path.insert(0, sys.argv[1])
from slipway.contracts.oci.runtime import resources_from_json
from slipway.runc.confine.systemd import Manager, is_for_user, manager_roots
from slipway.runc.plan.unit_limits import unit_limits_v2
from slipway.runc.plan.unit_place import plan_unit, plan_unit_groups
from slipway.runc.plan.unit_properties import scope_properties
assert is_for_user()
place = plan_unit("", "box", user=True)
sleeper = subprocess.Popen(["sleep", "100"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
with Manager(user=True) as manager:
    manager.start(place.unit, scope_properties(place, sleeper.pid, unified=True))
    manager.set_properties(place.unit, unit_limits_v2(resources_from_json({"pids": {"limit": 7}}), manager.version()))
group = plan_unit_groups(place, {"": "/sys/fs/cgroup"}, manager_roots(user=True))[""]
print(group, open(f"/proc/{sleeper.pid}/cgroup").read().strip())
print(open(f"{group}/pids.max").read().strip())
for _ in range(20):  # a call that systemd reads together with the end of the authentication must not get lost
    manager_roots(user=True)
with Manager(user=True) as manager:
    manager.stop(place.unit)
print(sleeper.wait())
"""


@pytest.fixture
def user_systemd() -> Iterator[list[str]]:
    """What, put before a command, runs it as a user who has a systemd, and in a group of that systemd."""
    account = pwd.getpwnam("user")
    runtime = Path("/run/slipway-test-user")
    runtime.mkdir(mode=0o700)
    os.chown(runtime, account.pw_uid, account.pw_gid)
    settings = [f"--setenv=XDG_RUNTIME_DIR={runtime}", "--setenv=HOME=/home/user", "--property=Delegate=yes"]
    subprocess.run(["systemd-run", "-q", "--unit=sw-user", "--uid=user", *settings, USER_SYSTEMD, "--user"], check=True)
    wait_until((runtime / "systemd" / "private").exists, "the user's systemd")
    CHECKOUT.chmod(0o755)  # the guest's copy of it, for a user to read
    group = UNIFIED / "system.slice" / "sw-user.service" / "test"
    group.mkdir()
    for path in (group, group / "cgroup.procs"):
        os.chown(path, account.pw_uid, account.pw_gid)
    become = f"setpriv --reuid={account.pw_uid} --regid={account.pw_gid} --clear-groups"
    script = f'echo $$ >{group}/cgroup.procs && XDG_RUNTIME_DIR={runtime} exec {become} "$@"'
    yield ["sh", "-c", script, "sh"]
    subprocess.run(["systemctl", "stop", "sw-user.service"], check=True)
    shutil.rmtree(runtime)


@pytest.mark.vm
def test_a_user_s_own_systemd_is_asked_without_a_bus(user_systemd: list[str]) -> None:
    words = [*user_systemd, "python3", "-c", AS_USER, str(CHECKOUT / "src")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    place = "/system.slice/sw-user.service/user.slice/runc-box.scope"
    assert done.stdout.splitlines() == [f"/sys/fs/cgroup{place} 0::{place}", "7", str(-signal.SIGTERM)]


@pytest.mark.vm
def test_a_user_s_container_is_a_scope_of_their_systemd(machine: Machine, user_systemd: list[str]) -> None:
    account = pwd.getpwnam("user")

    def change(spec: dict[str, Any]) -> None:
        make_rootless(spec, account.pw_uid, account.pw_gid)
        del spec["linux"]["cgroupsPath"]
        spec["linux"]["resources"] = {"pids": {"limit": 7}}

    bundle = machine.bundle("sleep", "1000", change=change)
    for folder, _, _ in os.walk(machine.folder):
        os.chown(folder, account.pw_uid, account.pw_gid)

    def runc(*words: str) -> str:
        """Its output goes to a file: what `run --detach` leaves behind keeps the descriptors."""
        with open(machine.folder / "output", "w+") as output:
            argv = [*user_systemd, *machine.runc_argv("--systemd-cgroup", *words)]
            status = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=120
            ).returncode
            output.seek(0)
            said = output.read()
        assert status == 0, said
        return said

    runc("run", "--detach", "--bundle", str(bundle), "box")
    group = UNIFIED / "system.slice/sw-user.service/user.slice/runc-box.scope"
    assert (group / "pids.max").read_text() == "7\n"
    assert runc("exec", "box", "id", "-u") == "0\n"
    runc("update", "--pids-limit", "9", "box")
    assert (group / "pids.max").read_text() == "9\n"
    runc("pause", "box")
    assert "frozen 1" in (group / "cgroup.events").read_text()
    runc("resume", "box")
    runc("delete", "--force", "box")
    wait_until(lambda: not group.exists(), "systemd to remove the scope")
