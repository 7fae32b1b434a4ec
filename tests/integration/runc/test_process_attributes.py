"""Scheduling, priorities, CPUs, personality, limits, capabilities and identity of a container's processes."""

import json
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.linux import cgroups
from slipway.runc.confine import labels
from tests.integration.runc.conftest import PRIVATE_MOUNTS, Machine
from tests.integration.runc.test_confinement import status_of

Spec = dict[str, Any]


def process(**fields: Any) -> Callable[[Spec], None]:
    return lambda spec: spec["process"].update(fields)


def exec_document(machine: Machine, container: str, *args: str, **fields: Any) -> subprocess.CompletedProcess[str]:
    path = machine.folder / "process.json"
    path.write_text(json.dumps({"args": args, "cwd": "/", "env": ["PATH=/bin"], **fields}))
    return machine.runc("exec", "--process", str(path), container)


# Scheduling.


def allow_real_time(machine: Machine) -> bool:
    """Where groups have shares of real time (v1), a new one has none, nor may it have more than its parent."""
    point = cgroups.discover().points.get("cpu", "")
    if not os.path.exists(f"{point}/cpu.rt_runtime_us"):
        return False
    cgroups.make(f"{point}/{machine.group}")
    cgroups.write(f"{point}/{machine.group}", "cpu.rt_runtime_us", "400000")
    return True


OURS = os.getpriority(os.PRIO_PROCESS, 0)  # other policies leave it as it is
SCHEDULERS: list[tuple[Spec, int, int]] = [
    ({"policy": "SCHED_OTHER", "nice": 7}, os.SCHED_OTHER, 7),
    ({"policy": "SCHED_BATCH", "nice": 19, "priority": 0}, os.SCHED_BATCH, 19),
    ({"policy": "SCHED_IDLE"}, os.SCHED_IDLE, OURS),
    ({"policy": "SCHED_FIFO", "priority": 3}, os.SCHED_FIFO, OURS),
    ({"policy": "SCHED_RR", "priority": 99, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}, os.SCHED_RR, OURS),
]


def test_a_scheduler_for_init_and_exec(machine: Machine) -> None:
    """Each policy for a document of exec; the last one for init and what exec takes from it."""

    def change(spec: Spec) -> None:
        spec["process"]["scheduler"] = SCHEDULERS[-1][0]
        if allow_real_time(machine):
            spec["linux"]["resources"]["cpu"] = {"realtimePeriod": 1000000, "realtimeRuntime": 200000}

    def has(pid: int, expected: tuple[Spec, int, int]) -> bool:
        scheduler, policy, nice = expected
        on_fork = os.SCHED_RESET_ON_FORK if "flags" in scheduler else 0
        assert os.sched_getscheduler(pid) == policy | on_fork
        assert os.sched_getparam(pid).sched_priority == scheduler.get("priority", 0)
        return os.getpriority(os.PRIO_PROCESS, pid) == nice

    container = machine.started("sleep", "100", change=change)
    assert has(machine.state(container)["pid"], SCHEDULERS[-1])
    pid_file = machine.folder / "pid"
    machine.ok_detached("exec", "-d", "--pid-file", str(pid_file), container, "sleep", "100")
    assert has(int(pid_file.read_text()), SCHEDULERS[-1])
    path = machine.folder / "process.json"
    for expected in SCHEDULERS:
        path.write_text(json.dumps({"args": ["/bin/sleep", "100"], "cwd": "/", "scheduler": expected[0]}))
        machine.ok_detached("exec", "-d", "--process", str(path), "--pid-file", str(pid_file), container)
        assert has(int(pid_file.read_text()), expected)


def test_a_deadline_for_exec_alone(machine: Machine) -> None:
    container = machine.started("sleep", "100", change=process(scheduler={"policy": "SCHED_BATCH"}))
    path = machine.folder / "process.json"
    times = {"runtime": 42000, "deadline": 100000, "period": 1000000}
    scheduler = {"policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_RESET_ON_FORK"], **times}
    document = {"args": ["sleep", "100"], "cwd": "/", "env": ["PATH=/bin"], "scheduler": scheduler}
    path.write_text(json.dumps(document))
    pid_file = machine.folder / "pid"
    machine.ok_detached("exec", "-d", "--process", str(path), "--pid-file", str(pid_file), container)
    told = subprocess.run(["chrt", "-p", pid_file.read_text()], capture_output=True, text=True, check=True).stdout
    assert "SCHED_DEADLINE|SCHED_RESET_ON_FORK" in told
    assert "42000/100000/1000000" in told


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        ({"policy": "SCHED_X"}, "invalid scheduler policy: SCHED_X"),
        ({"policy": "SCHED_OTHER", "flags": ["SCHED_X"]}, "invalid scheduler flag: SCHED_X"),
        ({"policy": "SCHED_FIFO", "priority": 0}, "error setting scheduler: invalid argument"),
        ({"policy": "SCHED_DEADLINE", "runtime": 9, "deadline": 3, "period": 1}, "error setting scheduler: "),
    ],
    ids=["policy", "flag", "priority", "times"],
)
def test_a_scheduler_that_cannot_be(machine: Machine, scheduler: Spec, words: str) -> None:
    done = machine.run("true", change=process(scheduler=scheduler))
    assert words in done.stderr
    assert machine.groups() == []


def test_a_deadline_on_some_cpus_only_is_refused_with_the_reason(machine: Machine) -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("needs two CPUs")

    def change(spec: Spec) -> None:
        spec["linux"]["resources"]["cpu"] = {"cpus": "0", "mems": "0"}
        spec["process"]["scheduler"] = {
            "policy": "SCHED_DEADLINE",
            "runtime": 42000,
            "deadline": 1000000,
            "period": 1000000,
        }

    done = machine.run("true", change=change)
    assert "process scheduler can't be used together with AllowedCPUs" in done.stderr


def test_an_io_priority_for_init_and_exec(machine: Machine) -> None:
    container = machine.started("sleep", "100", change=process(ioPriority={"class": "IOPRIO_CLASS_RT", "priority": 2}))
    show = ("busybox", "ionice")
    pid = machine.state(container)["pid"]
    assert subprocess.run(["ionice", "-p", str(pid)], capture_output=True, text=True).stdout == "realtime: prio 2\n"
    assert machine.ok("exec", container, *show) == "realtime: prio 2\n"
    assert exec_document(machine, container, *show).stdout == "realtime: prio 2\n"
    own = {"class": "IOPRIO_CLASS_BE", "priority": 4}
    assert exec_document(machine, container, *show, ioPriority=own).stdout == "best-effort: prio 4\n"
    own = {"class": "IOPRIO_CLASS_IDLE"}
    assert exec_document(machine, container, *show, ioPriority=own).stdout.startswith("idle")


# CPUs.

SHOW_CPUS = ("grep", "-F", "Cpus_allowed_list:", "/proc/self/status")


def bound(machine: Machine, *words: str) -> str:
    """The CPUs of a container's process when the caller is bound to CPU 0."""
    argv = ["taskset", "-c", "0", *PRIVATE_MOUNTS, *machine.runc_argv(*words)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


@pytest.fixture
def two_cpus() -> None:
    if not {0, 1} <= os.sched_getaffinity(0):
        pytest.skip("needs CPUs 0 and 1")


@pytest.mark.usefixtures("two_cpus")
def test_the_callers_cpus_are_not_the_containers(machine: Machine) -> None:
    everywhere = status_of(Path("/proc/self/status").read_text())["Cpus_allowed_list"]
    assert bound(machine, "run", "--bundle", str(machine.bundle(*SHOW_CPUS)), "c1") == everywhere
    container = machine.started("sleep", "100")
    assert bound(machine, "exec", container, *SHOW_CPUS) == everywhere


@pytest.mark.usefixtures("two_cpus")
def test_a_group_of_cpus_binds_whoever_calls(machine: Machine) -> None:
    def change(spec: Spec) -> None:
        spec["linux"]["resources"]["cpu"] = {"cpus": "1", "mems": "0"}

    assert bound(machine, "run", "--bundle", str(machine.bundle(*SHOW_CPUS, change=change)), "c1") == "1"
    container = machine.started("sleep", "100", change=change)
    assert bound(machine, "exec", container, *SHOW_CPUS) == "1"


@pytest.mark.usefixtures("two_cpus")
def test_cpus_of_exec(machine: Machine) -> None:
    def change(spec: Spec) -> None:
        spec["process"]["execCPUAffinity"] = {"final": "1"}
        spec["linux"]["resources"]["cpu"] = {"cpus": "0-1", "mems": "0"}

    container = machine.started("sleep", "100", change=change)
    assert bound(machine, "exec", container, *SHOW_CPUS) == "1"
    assert exec_document(machine, container, *SHOW_CPUS).stdout.split()[-1] == "1"
    # Before Linux 6.2 who joined a cpuset was bound to all of it, wherever it ran before.
    kept = "1" if tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 2) else "0-1"
    for affinity, expected in (
        ({"initial": "1"}, kept),
        ({"final": "0"}, "0"),
        ({"initial": "0", "final": " 1,,"}, "1"),
        ({"initial": "0-1"}, "0-1"),
        ({}, "0-1"),
    ):
        done = exec_document(machine, container, *SHOW_CPUS, execCPUAffinity=affinity)
        assert done.stdout.split()[-1] == expected, affinity


@pytest.mark.usefixtures("two_cpus")
def test_cpus_that_the_group_does_not_have(machine: Machine) -> None:
    def change(spec: Spec) -> None:
        spec["process"]["execCPUAffinity"] = {"final": "1"}
        spec["linux"]["resources"]["cpu"] = {"cpus": "0", "mems": "0"}

    container = machine.started("sleep", "100", change=change)
    done = machine.runc("exec", container, "true")
    assert done.returncode == 255
    assert "error setting final CPU affinity: invalid argument" in done.stderr


# Personality.


def test_a_personality_for_init_and_exec(machine: Machine) -> None:
    def change(spec: Spec) -> None:
        spec["linux"]["personality"] = {"domain": "LINUX32", "flags": []}

    assert machine.run("busybox", "uname", "-m", change=change).stdout == "i686\n"
    container = machine.started("sleep", "100", change=change)
    assert machine.ok("exec", container, "busybox", "uname", "-m") == "i686\n"
    assert exec_document(machine, container, "busybox", "uname", "-m").stdout == "i686\n"


@pytest.mark.parametrize(
    ("personality", "words"),
    [
        ({"domain": "BSD"}, "invalid personality domain BSD"),
        ({"domain": "LINUX", "flags": ["X"]}, "personality flags ['X'] are not supported"),
    ],
    ids=["domain", "flags"],
)
def test_a_personality_that_cannot_be(machine: Machine, personality: Spec, words: str) -> None:
    done = machine.run("true", change=lambda spec: spec["linux"].update(personality=personality))
    assert words in done.stderr


# Limits.

KINDS = ("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING")
KINDS += ("MSGQUEUE", "NICE", "RTPRIO", "RTTIME")


def test_every_kind_of_limit(machine: Machine) -> None:
    """One below what we have ourselves, or a large number where that is "unlimited"."""
    wanted = {}
    for number, kind in enumerate(KINDS):
        hard = resource.prlimit(0, NUMBERS[kind])[1]
        hard = (1 << 40) + number if hard == resource.RLIM_INFINITY else max(hard - 1, 0)
        wanted[kind] = (max(hard - 1, 0), hard)
    limits = [{"type": f"RLIMIT_{kind}", "soft": soft, "hard": hard} for kind, (soft, hard) in wanted.items()]
    container = machine.started("sleep", "100", change=process(rlimits=limits))
    pid = machine.state(container)["pid"]
    for kind, limit in wanted.items():
        assert resource.prlimit(pid, NUMBERS[kind]) == limit, kind
    assert exec_document(machine, container, "sh", "-c", "ulimit -Hn").stdout == f"{wanted['NOFILE'][1]}\n"
    own = [{"type": "RLIMIT_NOFILE", "soft": 20, "hard": 20}]
    assert exec_document(machine, container, "sh", "-c", "ulimit -Hn", rlimits=own).stdout == "20\n"


# Source: asm-generic/resource.h.
NUMBERS = {kind: number for number, kind in enumerate(KINDS)}


def test_a_soft_limit_above_the_hard_one(machine: Machine) -> None:
    done = machine.run("true", change=process(rlimits=[{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]))
    assert "error setting rlimits for ready process: error setting rlimit type 4: invalid argument" in done.stderr


# Capabilities and identity.


def test_the_five_sets_are_set_apart(machine: Machine) -> None:
    sets = {
        "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_FOWNER", "CAP_SETUID"],
        "permitted": ["CAP_KILL", "CAP_CHOWN", "CAP_FOWNER"],
        "effective": ["CAP_KILL", "CAP_CHOWN"],
        "inheritable": ["CAP_KILL"],
        "ambient": ["CAP_KILL"],
    }
    container = machine.started("sleep", "100", change=process(capabilities=sets, user={"uid": 7, "gid": 7}))
    kill = 1 << 5
    for done in (
        machine.runc("exec", container, "cat", "/proc/self/status"),
        exec_document(machine, container, "cat", "/proc/self/status", user={"uid": 7, "gid": 7}),
        machine.runc("exec", container, "cat", "/proc/1/status"),
    ):
        status = status_of(done.stdout)
        assert int(status["CapBnd"], 16) == kill | 1 << 0 | 1 << 3 | 1 << 7
        assert [int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")] == [kill] * 4


def test_unknown_and_refused_capabilities_are_warnings(machine: Machine) -> None:
    """As with the original: a newer caller may know more, and the ambient set is a wish."""

    def change(spec: Spec) -> None:
        sets = spec["process"]["capabilities"]
        sets["bounding"] += ["CAP_NEW", "CAP_OTHER"]
        sets["permitted"] += ["CAP_NEW"]
        sets["ambient"], sets["inheritable"] = ["CAP_KILL"], []

    bundle = machine.bundle("cat", "/proc/self/status", change=change)
    log = machine.folder / "log"
    out = machine.ok("--log", str(log), "--log-format", "json", "run", "--bundle", str(bundle), "c1")
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["level"], line["msg"]) for line in told] == [
        ("warning", "ignoring unknown or unavailable capabilities: [CAP_NEW CAP_OTHER]"),
        ("warning", "can't raise ambient capability CAP_KILL: operation not permitted"),
    ]
    assert int(status_of(out)["CapAmb"], 16) == 0


def test_umask_and_groups_of_exec(machine: Machine) -> None:
    """A document without a mask takes the container's; groups are its own, also when there are none."""
    user = {"uid": 3, "gid": 4, "additionalGids": [5, 6], "umask": 0o077}
    container = machine.started("sleep", "100", change=process(user=user))
    show = ("sh", "-c", "umask; id -u; id -G")
    assert machine.ok("exec", container, *show).split() == ["0077", "3", "4", "5", "6"]
    assert exec_document(machine, container, *show).stdout.split() == ["0077", "0", "0"]
    other = {"uid": 8, "gid": 9, "umask": 0o002, "additionalGids": [10]}
    assert exec_document(machine, container, *show, user=other).stdout.split() == ["0002", "8", "9", "10"]
    assert machine.ok("exec", "--user", "11:12", "-g", "13", container, *show).split() == [
        *("0077", "11", "12"),
        *("5", "6", "13"),
    ]


def test_a_number_outside_the_user_namespace_is_named(machine: Machine) -> None:
    def change(spec: Spec) -> None:
        spec["linux"]["namespaces"].append({"type": "user"})
        mapping = [{"containerID": 0, "hostID": 100000, "size": 1000}]
        spec["linux"] |= {"uidMappings": mapping, "gidMappings": mapping}
        spec["mounts"] = [mount for mount in spec["mounts"] if mount["type"] != "cgroup"]
        spec["process"]["user"] = {"uid": 5000, "gid": 0}

    bundle = machine.bundle("true", change=change)
    machine.folder.chmod(0o755)
    os.chown(bundle / "rootfs", 100000, 100000)
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert "cannot setuid to unmapped uid 5000 in user namespace" in done.stderr


# What this kernel does not have.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            process(selinuxLabel="system_u:system_r:container_t:s0"),
            "selinux label is specified in config, but selinux is disabled or not supported",
        ),
        (
            lambda spec: spec["linux"].update(mountLabel="x"),
            "mountLabel is specified in config, but selinux is disabled or not supported",
        ),
        (
            lambda spec: spec["linux"].update(intelRdt={"l3CacheSchema": "L3:0=f"}),
            "intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled",
        ),
        (
            lambda spec: spec["linux"].update(intelRdt={"memBwSchema": "MB:0=10"}),
            "intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled",
        ),
        (
            lambda spec: spec["linux"].update(intelRdt={"closID": "group", "enableMonitoring": True}),
            "intelRdt is specified in config, but no resctrl file system is mounted",
        ),
        (
            lambda spec: spec["linux"].update(intelRdt={"schemata": ["L3:0=f"], "enableCMT": True, "enableMBM": True}),
            "intelRdt is specified in config, but no resctrl file system is mounted",
        ),
    ],
    ids=["selinux", "mount label", "cache", "bandwidth", "monitoring", "schemata"],
)
def test_what_the_kernel_lacks_is_refused(machine: Machine, change: Callable[[Spec], None], words: str) -> None:
    if os.path.exists("/sys/fs/selinux/enforce") or os.path.exists("/sys/fs/resctrl/schemata"):
        pytest.skip("this machine has SELinux or resctrl")
    done = machine.run("true", change=change)
    assert words in done.stderr
    assert machine.groups() == []


def test_a_label_for_exec_is_refused_too(machine: Machine) -> None:
    if os.path.exists("/sys/fs/selinux/enforce"):
        pytest.skip("this machine has SELinux")
    container = machine.started("sleep", "100")
    done = machine.runc("exec", "--process-label", "x", container, "true")
    assert done.returncode == 255
    assert "selinux label is specified in config, but selinux is disabled or not supported" in done.stderr


def test_an_apparmor_profile_where_there_is_no_apparmor_is_refused(machine: Machine) -> None:
    if labels.apparmor_is_enabled():
        pytest.skip("this machine has AppArmor: tests/guest/test_apparmor.py")
    done = machine.run("true", change=process(apparmorProfile="docker-default"))
    assert "apparmor: config provided but apparmor not supported" in done.stderr
    container = machine.started("sleep", "100")
    done = machine.runc("exec", "--apparmor", "docker-default", container, "true")
    assert (done.returncode, "apparmor not supported" in done.stderr) == (255, True)
