"""Namespaces of every kind: new, shared by path, and what is refused."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runc.conftest import PRIVATE_MOUNTS, Machine

Change = Callable[[dict[str, Any]], None]
FILES = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt", "user": "user", "cgroup": "cgroup"}
FILES["time"] = "time"


def with_namespace(kind: str, path: str = "") -> Change:
    """Of this kind, in place of what the example has."""

    def change(spec: dict[str, Any]) -> None:
        others = [item for item in spec["linux"]["namespaces"] if item["type"] != kind]
        spec["linux"]["namespaces"] = [*others, {"type": kind, "path": path} if path else {"type": kind}]

    return change


def without_namespace(*kinds: str) -> Change:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["namespaces"] = [item for item in spec["linux"]["namespaces"] if item["type"] not in kinds]

    return change


def mapped(*ranges: tuple[int, int, int]) -> Change:
    """A new user namespace; ranges of (inside, outside, size)."""

    def change(spec: dict[str, Any]) -> None:
        with_namespace("user")(spec)
        mappings = [{"containerID": inside, "hostID": outside, "size": size} for inside, outside, size in ranges]
        spec["linux"] |= {"uidMappings": mappings, "gidMappings": mappings}

    return change


MAPPED = mapped((0, 100000, 65536))


def all_of(*changes: Change) -> Change:
    def change(spec: dict[str, Any]) -> None:
        for each in changes:
            each(spec)

    return change


def linux(**values: Any) -> Change:
    return lambda spec: spec["linux"].update(values)


def owned_bundle(machine: Machine, *args: str, change: Change) -> Path:
    """A bundle whose root belongs to the mapped root, and that nobody else of its namespace can reach."""
    bundle = machine.bundle(*args, change=change)
    machine.folder.chmod(0o700)
    os.chown(machine.folder, 100000, 100000)
    for path in [bundle / "rootfs", *(bundle / "rootfs").rglob("*")]:
        os.chown(path, 100000, 100000, follow_symlinks=False)
    return bundle


def run_owned(machine: Machine, *args: str, change: Change) -> subprocess.CompletedProcess[str]:
    bundle = owned_bundle(machine, *args, change=change)
    return machine.runc("run", "--bundle", str(bundle), bundle.name)


def start_owned(machine: Machine, *args: str, change: Change) -> str:
    bundle = owned_bundle(machine, *args, change=change)
    machine.ok_detached("create", "--bundle", str(bundle), bundle.name)
    machine.ok("start", bundle.name)
    return bundle.name


def refused(machine: Machine, change: Change, words: str) -> None:
    done = machine.run("true", change=change)
    assert done.returncode == 1
    assert words in done.stderr.replace('\\"', '"')
    assert machine.groups() == []
    assert not list(machine.root.glob("bundle*"))


def test_a_user_namespace_has_exactly_the_mappings_asked_for(machine: Machine) -> None:
    change = mapped((0, 100000, 10), (20, 100500, 100), (1000, 0, 1))
    done = run_owned(machine, "cat", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups", change=change)
    seen = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert seen == [*2 * ["0 100000 10", "20 100500 100", "1000 0 1"], "allow"], done.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (with_namespace("user"), "user namespaces enabled, but no uid mappings found"),
        (mapped((1, 100000, 10)), "user namespaces enabled, but no mapping found for uid 0"),
        (mapped((0, 100000, 10), (5, 200000, 10)), "failed to update /proc/"),
        (mapped((0, 100000, 0), (0, 100000, 1), (1, 100001, 0)), "failed to update /proc/"),
        (all_of(MAPPED, without_namespace("user")), "user namespace isn't enabled in the config"),
        (with_namespace("user", "/proc/self/ns/user"), "the user namespace that runc itself is in"),
        (with_namespace("mount", "/proc/self/ns/mnt"), "the mnt namespace that runc itself is in"),
        (with_namespace("network", "/proc/self/ns/ipc"), "is a namespace of kind ipc, not net"),
        (with_namespace("pid", "/etc/hostname"), "/etc/hostname is no namespace"),
        (with_namespace("ipc", "/no/such"), "namespace path: open /no/such: no such file or directory"),
        (mapped(*((number * 2, 100000 + number, 1) for number in range(5000))), "failed to update /proc/"),
        (with_namespace("uts", "/" + "x" * 70000), "file name too long"),
        (with_namespace("odd"), 'namespace {"odd" ""} does not exist'),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(machine: Machine, change: Change, words: str) -> None:
    refused(machine, change, words)


def test_root_of_a_user_namespace_has_all_of_a_container(machine: Machine) -> None:
    """Its cgroups, devices, terminals, names, score, and the supplementary groups asked for."""

    def change(spec: dict[str, Any]) -> None:
        MAPPED(spec)
        spec["process"]["oomScoreAdj"] = 500
        spec["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}

    script = (
        "id; busybox hostname; cat /proc/self/oom_score_adj; head -c1 /dev/zero >/dev/null && echo zero; "
        "ls /sys/fs/cgroup | grep -c -e memory -e cgroup.procs; busybox stat -c %u:%g /dev/pts/ptmx /dev/shm; "
        "cat /proc/self/cgroup | grep -v -c ':/$'"
    )
    done = run_owned(machine, "sh", "-c", script, change=change)
    lines = done.stdout.splitlines()
    assert lines[:4] == ["uid=5 gid=6 groups=7", "runc", "500", "zero"], done.stderr
    assert int(lines[4]) >= 1
    assert lines[5:] == ["0:0", "0:0", "0"]


@pytest.mark.in_guest
@pytest.mark.parametrize("own_cgroups", [True, False])
def test_cgroups_in_a_user_namespace(machine: Machine, own_cgroups: bool) -> None:
    change = MAPPED if own_cgroups else all_of(MAPPED, without_namespace("cgroup"))
    script = "busybox find /sys/fs/cgroup -name cgroup.procs -exec cat {} + | grep -c ."
    done = run_owned(machine, "sh", "-c", script, change=change)
    assert int(done.stdout) >= 1, done.stderr


def test_exec_enters_a_user_namespace(machine: Machine) -> None:
    container = start_owned(machine, "sleep", "100", change=MAPPED)
    script = "id -u; cat /proc/self/uid_map; busybox readlink /proc/self/ns/user"
    user = os.readlink(f"/proc/{machine.state(container)['pid']}/ns/user")
    assert machine.ok("exec", container, "sh", "-c", script).split() == ["0", "0", "100000", "65536", user]


def test_who_enters_a_user_namespace_owns_its_terminal(machine: Machine) -> None:
    """It was made by the host's root, who is nobody there."""
    container = start_owned(machine, "sleep", "100", change=MAPPED)
    script = "busybox stat -c '%u:%g' $(tty); echo here >/dev/stdout"
    assert machine.ok("exec", "--tty", container, "sh", "-c", script).split() == ["0:5", "here"]


def test_the_fifo_that_init_waits_at_is_its_own(machine: Machine) -> None:
    bundle = owned_bundle(machine, "true", change=MAPPED)
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    status = (machine.root / "c1/exec.fifo").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (100000, 100000, 0o622)
    machine.ok("start", "c1")


def test_a_terminal_in_a_user_namespace(machine: Machine) -> None:
    """/dev/console and the group of devpts need mapped ids; the terminal is the container's."""
    change = all_of(MAPPED, lambda spec: spec["process"].update(terminal=True))
    script = "tty; busybox stat -c '%u:%g %a' /dev/pts/0; test -c /dev/console && echo console"
    done = run_owned(machine, "sh", "-c", script, change=change)
    assert done.stdout.splitlines() == ["/dev/pts/0", "0:5 620", "console"], done.stderr
    few = all_of(mapped((0, 100000, 5)), lambda spec: spec["process"].update(terminal=True))
    done = run_owned(machine, "true", change=few)
    assert 'error mounting \\"devpts\\" to rootfs at \\"/dev/pts\\"' in done.stderr
    assert "invalid argument" in done.stderr


def test_sources_that_only_the_hosts_root_may_open(machine: Machine) -> None:
    """In a user namespace the parent opens them."""
    hidden = machine.folder / "hidden"
    (hidden / "data").mkdir(parents=True)
    (hidden / "data/file").write_text("seen\n")
    (hidden / "single").write_text("alone\n")
    hidden.chmod(0o700)

    def change(spec: dict[str, Any]) -> None:
        MAPPED(spec)
        for number in range(3):
            source = hidden / ("single" if number == 2 else "data")
            spec["mounts"].append({"destination": f"/m{number}", "source": str(source), "options": ["rbind", "ro"]})

    done = run_owned(machine, "cat", "/m0/file", "/m1/file", "/m2", change=change)
    assert done.stdout == "seen\nseen\nalone\n", done.stderr


@contextlib.contextmanager
def namespaces_of(*flags: str) -> Iterator[int]:
    """The pid of a process of ours in new namespaces."""
    process = subprocess.Popen(
        ["unshare", *flags, "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.communicate()


def test_every_kind_can_be_joined_by_path(machine: Machine) -> None:
    first = machine.started("sleep", "100", change=with_namespace("time"))
    pid = machine.state(first)["pid"]
    kinds = [kind for kind in FILES if kind not in ("user", "mount")]
    joins = all_of(
        *(with_namespace(kind, f"/proc/{pid}/ns/{FILES[kind]}") for kind in kinds),
        lambda spec: spec.pop("hostname"),
    )
    second = machine.started("sleep", "100", change=joins)
    paths = [f"/proc/self/ns/{FILES[kind]}" for kind in kinds]
    script = f"for i in {' '.join(paths)}; do busybox readlink $i; done"
    inside = [machine.ok("exec", container, "sh", "-c", script) for container in (first, second)]
    assert inside[0] == inside[1]
    other = machine.state(second)["pid"]
    for kind in kinds:
        file = FILES[kind]
        assert os.readlink(f"/proc/{other}/ns/{file}") == os.readlink(f"/proc/{pid}/ns/{file}"), kind


def test_our_own_namespaces_may_be_named_by_path(machine: Machine) -> None:
    kinds = [kind for kind in FILES if kind not in ("user", "mount")]
    own = all_of(
        *(with_namespace(kind, f"/proc/self/ns/{FILES[kind]}") for kind in kinds),
        lambda spec: spec.pop("hostname"),
        # Of a network and a PID namespace that are not new, nothing may be made.
        lambda spec: spec["mounts"].clear(),
        lambda spec: spec["mounts"].append({"destination": "/proc", "source": "/proc", "options": ["rbind"]}),
    )
    script = "".join(f"busybox readlink /proc/self/ns/{FILES[kind]}; " for kind in kinds)
    done = machine.run("sh", "-c", script, change=own)
    wanted = [os.readlink(f"/proc/self/ns/{FILES[kind]}") for kind in kinds]
    assert done.stdout.splitlines() == wanted, done.stderr


@pytest.mark.parametrize("bound", [True, False])
def test_a_user_namespace_can_be_joined_by_path(machine: Machine, bound: bool) -> None:
    """Also by a file that it is bound on; its mappings may be repeated, but not contradicted."""
    first = start_owned(machine, "sleep", "100", change=MAPPED)
    path = f"/proc/{machine.state(first)['pid']}/ns/user"
    binding = "true"
    if bound:
        binding = f"mount --bind {path} {machine.folder}/user"
        (machine.folder / "user").touch()
        path = f"{machine.folder}/user"
    repeated = all_of(MAPPED, with_namespace("user", path))
    for change in (with_namespace("user", path), repeated):
        bundle = owned_bundle(machine, "sh", "-c", "id -u; cat /proc/self/uid_map", change=change)
        argv = machine.runc_argv("run", "--bundle", str(bundle), bundle.name)
        done = subprocess.run(
            [*PRIVATE_MOUNTS, "sh", "-c", f'{binding}; exec "$@"', "sh", *argv], capture_output=True, text=True
        )
        assert done.stdout.split() == ["0", "0", "100000", "65536"], done.stderr
    if not bound:
        wrong = all_of(mapped((0, 100000, 5)), with_namespace("user", path))
        done = machine.run("true", change=wrong)
        assert "both namespace path and non-matching mapping specified" in done.stderr


def test_groups_of_the_caller_do_not_come_along(machine: Machine) -> None:
    """Also where the user namespace lets nobody change groups: then they would stay for good."""
    with namespaces_of("-U", "-r") as other:
        assert Path(f"/proc/{other}/setgroups").read_text() == "deny\n"

        def change(spec: dict[str, Any]) -> None:
            with_namespace("user", f"/proc/{other}/ns/user")(spec)
            # One id is mapped: none for the terminals' group.
            spec["mounts"] = [item for item in spec["mounts"] if item["type"] not in ("devpts", "cgroup")]

        bundle = machine.bundle("sleep", "100", change=change)
        argv = [*PRIVATE_MOUNTS, *machine.runc_argv("run", "-d", "--bundle", str(bundle), bundle.name)]
        with (machine.folder / "log").open("w") as output:
            subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, extra_groups=[1234], check=True
            )
        words = ("grep", "-h", "Groups", "/proc/self/status", "/proc/1/status")
        done = machine.runc("exec", bundle.name, *words, extra_groups=[1234])
        assert done.stdout.split() == ["Groups:", "Groups:"], done.stderr


def test_a_network_of_another_user_namespace_can_be_joined(machine: Machine) -> None:
    """The namespaces that the joined user namespace does not own are entered before it."""
    with namespaces_of("-n") as other:
        first = start_owned(machine, "sleep", "100", change=MAPPED)
        user = f"/proc/{machine.state(first)['pid']}/ns/user"

        def change(spec: dict[str, Any]) -> None:
            with_namespace("user", user)(spec)
            with_namespace("network", f"/proc/{other}/ns/net")(spec)
            # Nobody but that network's owner may make a sysfs that shows it.
            spec["mounts"] = [item for item in spec["mounts"] if item["type"] not in ("sysfs", "cgroup")]

        second = start_owned(machine, "sleep", "100", change=change)
        pid = machine.state(second)["pid"]
        assert os.readlink(f"/proc/{pid}/ns/net") == os.readlink(f"/proc/{other}/ns/net")
        assert os.readlink(f"/proc/{pid}/ns/user") == os.readlink(user)
        assert machine.ok("exec", second, "cat", "/proc/self/uid_map").split() == ["0", "100000", "65536"]


def test_without_a_network_of_its_own_a_user_namespace_makes_no_sysfs(machine: Machine) -> None:
    done = run_owned(machine, "true", change=all_of(MAPPED, without_namespace("network")))
    assert done.returncode == 1
    assert 'error mounting \\"sysfs\\" to rootfs at \\"/sys\\"' in done.stderr
    assert "operation not permitted" in done.stderr


def test_a_mount_namespace_can_be_joined_by_path(machine: Machine) -> None:
    """One in which the root file system can be found; nobody else sees what is mounted there."""
    with namespaces_of("-m", "--propagation", "private") as other:
        change = with_namespace("mount", f"/proc/{other}/ns/mnt")
        done = machine.run("sh", "-c", "ls /; echo ok", change=change)
        assert done.stdout.split() == ["bin", "dev", "etc", "proc", "sys", "ok"], done.stderr
    assert str(machine.folder) not in Path("/proc/self/mountinfo").read_text()


def test_sysctls_of_the_hosts_network_stay_as_they_are(machine: Machine) -> None:
    """Also if the host's network is named by a path."""
    change = all_of(with_namespace("network", "/proc/self/ns/net"), linux(sysctl={"net.ipv4.ip_forward": "1"}))
    refused(machine, change, "not allowed in host network namespace")


OFFSETS = {"monotonic": {"secs": 7881, "nanosecs": 2718281}, "boottime": {"secs": -1, "nanosecs": 5}}


@pytest.mark.parametrize("mapping", [None, MAPPED], ids=["host", "user namespace"])
def test_clocks_of_a_time_namespace(machine: Machine, mapping: Change | None) -> None:
    changes = [with_namespace("time"), linux(timeOffsets=OFFSETS)]
    container = start_owned(machine, "sleep", "100", change=all_of(*changes, *([mapping] if mapping else [])))
    wanted = ["monotonic", "7881", "2718281", "boottime", "-1", "5"]
    pid = machine.state(container)["pid"]
    assert Path(f"/proc/{pid}/timens_offsets").read_text().split() == wanted
    assert machine.ok("exec", container, "cat", "/proc/self/timens_offsets").split() == wanted
    assert os.readlink(f"/proc/{pid}/ns/time") != os.readlink("/proc/self/ns/time")


def test_a_time_namespace_holds_from_the_first_process_on(machine: Machine) -> None:
    """A created container's init is inside already, so that nothing can change the offsets any more."""
    bundle = machine.bundle("true", change=all_of(with_namespace("time"), linux(timeOffsets={"boottime": {"secs": 5}})))
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    pid = machine.state("c1")["pid"]
    assert os.readlink(f"/proc/{pid}/ns/time") == os.readlink(f"/proc/{pid}/ns/time_for_children")
    with pytest.raises(OSError, match="Permission denied"):
        Path(f"/proc/{pid}/timens_offsets").write_text("boottime 7 0\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (linux(timeOffsets=OFFSETS), "time namespace isn't enabled in the config"),
        (all_of(with_namespace("time", "/proc/self/ns/time"), linux(timeOffsets=OFFSETS)), "both namespace path and"),
        (all_of(with_namespace("time"), linux(timeOffsets={"realtime": {"secs": 1}})), "has no offset"),
        (all_of(with_namespace("time"), linux(timeOffsets={"boottime": {"nanosecs": 10**9}})), "less than a second"),
        (all_of(with_namespace("time"), linux(timeOffsets={"boottime": {"secs": 1 << 62}})), "failed to update /proc/"),
    ],
)
def test_clocks_that_cannot_be_are_refused(machine: Machine, change: Change, words: str) -> None:
    refused(machine, change, words)


def test_without_a_mount_namespace_a_container_still_has_its_root(machine: Machine) -> None:
    """Also for exec: by its init's root directory, as there is no namespace to enter."""
    change = all_of(without_namespace("mount"), linux(maskedPaths=[], readonlyPaths=[]))
    bundle = machine.bundle("sleep", "100", change=change)
    argv = machine.runc_argv()
    script = (
        f'"$@" run -d --bundle {bundle} c1 >/dev/null 2>&1 </dev/null; "$@" exec c1 ls /; '
        '"$@" exec --cwd /etc c1 sh -c pwd; "$@" kill c1 KILL'
    )
    done = subprocess.run([*PRIVATE_MOUNTS, "sh", "-c", script, "sh", *argv], capture_output=True, text=True)
    assert done.stdout.split() == ["bin", "dev", "etc", "proc", "sys", "/etc"], done.stderr


def mapping(inside: int, outside: int, size: int) -> list[dict[str, int]]:
    return [{"containerID": inside, "hostID": outside, "size": size}]


@pytest.mark.parametrize("in_user_namespace", [False, True], ids=["host", "user namespace"])
def test_id_mapped_mounts(machine: Machine, in_user_namespace: bool) -> None:
    """`idmap` maps the mount, `ridmap` those below as well; mappings without a word mean `idmap`."""
    tree = machine.folder / "tree"
    (tree / "sub").mkdir(parents=True)
    (machine.folder / "below").mkdir()
    for file in (tree / "file", machine.folder / "below/file"):
        file.touch()
        os.chown(file, 100, 200)
    maps = {"uidMappings": mapping(100, 101000, 3), "gidMappings": mapping(200, 102000, 3)}
    mounts = {
        "/idmap": ("idmap", maps),
        "/ridmap": ("ridmap", maps),
        "/implied": ("rw", maps),
        "/single": ("idmap", {"uidMappings": mapping(100, 105000, 1), "gidMappings": mapping(0, 0, 1 << 31)}),
    }
    if in_user_namespace:
        mounts["/own"] = ("ridmap", {})

    def change(spec: dict[str, Any]) -> None:
        if in_user_namespace:
            MAPPED(spec)
        for destination, (word, more) in mounts.items():
            entry = {"destination": destination, "source": str(tree), "options": ["rbind", word]}
            spec["mounts"].append(entry | more)

    names = " ".join(f"{name}/file {name}/sub/file" for name in mounts)
    bundle = owned_bundle(machine, "sh", "-c", f"busybox stat -c '%n %u:%g' {names}", change=change)
    argv = machine.runc_argv("run", "--bundle", str(bundle), bundle.name)
    script = f'mount --bind {machine.folder}/below {tree}/sub; exec "$@"'
    done = subprocess.run([*PRIVATE_MOUNTS, "sh", "-c", script, "sh", *argv], capture_output=True, text=True)
    seen = dict(line.split() for line in done.stdout.splitlines())
    base, unmapped = (100000, "65534:65534") if in_user_namespace else (0, "100:200")
    shifted = f"{101000 - base}:{102000 - base}"
    single = "5000:65534" if in_user_namespace else "105000:200"
    tops = {"/idmap": shifted, "/implied": shifted, "/ridmap": shifted, "/single": single}
    wanted = {f"{name}/file": owners for name, owners in tops.items()}
    wanted |= {f"{name}/sub/file": shifted if name == "/ridmap" else unmapped for name in tops}
    if in_user_namespace:
        wanted |= {"/own/file": "100:200", "/own/sub/file": "100:200"}
    assert seen == wanted, done.stderr


def test_an_id_mapped_mount_is_written_by_those_it_maps(machine: Machine) -> None:
    folder = machine.folder / "data"
    folder.mkdir()
    folder.chmod(0o777)

    def change(spec: dict[str, Any]) -> None:
        MAPPED(spec)
        spec["mounts"].append(
            {"destination": "/data", "source": str(folder), "options": ["bind", "idmap", "nosuid", "rslave"]}
        )

    done = run_owned(machine, "sh", "-c", "touch /data/new; grep ' /data ' /proc/self/mountinfo", change=change)
    assert "nosuid" in done.stdout, done.stderr
    assert (folder / "new").stat().st_uid == 0


def test_many_id_mapped_mounts_leave_no_descriptor_behind(machine: Machine) -> None:
    folder = machine.folder / "data"
    folder.mkdir()
    maps = {"uidMappings": mapping(0, 100000, 5), "gidMappings": mapping(0, 100000, 5)}

    def change(spec: dict[str, Any]) -> None:
        MAPPED(spec)
        spec["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 10}]
        for number in range(20):
            entry = {"destination": f"/data/{number}", "source": str(folder), "options": ["bind", "idmap"]}
            spec["mounts"].append(entry | maps)

    done = run_owned(machine, "sh", "-c", "ls /proc/self/fd; busybox stat -c %u /data/19", change=change)
    assert done.stdout.split() == ["0", "1", "2", "3", "0"], done.stderr


def test_file_systems_that_cannot_be_mapped_say_so(machine: Machine) -> None:
    entry = {"destination": "/x", "source": "/proc/1", "options": ["bind", "idmap"]}
    maps = {"uidMappings": mapping(0, 5, 1), "gidMappings": mapping(0, 5, 1)}
    refused(
        machine,
        lambda spec: spec["mounts"].append(entry | maps),
        "failed to fulfil mount request: failed to set MOUNT_ATTR_IDMAP on /proc/1: invalid argument",
    )
    one = {"uidMappings": mapping(0, 5, 1)}
    refused(machine, lambda spec: spec["mounts"].append(entry | one), "must have both uid and gid mappings specified")


def test_memory_policies(machine: Machine) -> None:
    """For init and for what exec starts."""
    for wrong, words in (
        ({}, "invalid memory policy mode"),
        ({"mode": "MPOL_BIND"}, "requires at least one node but got 0"),
        ({"mode": "MPOL_DEFAULT", "nodes": "0-7"}, "mode requires 0 nodes but got 8"),
        ({"mode": "MPOL_BIND", "nodes": "0-9876543210"}, "invalid memory policy node"),
        ({"mode": "MPOL_BIND", "nodes": "3-1"}, "invalid memory policy node"),
        ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["odd"]}, "invalid memory policy flag"),
    ):
        refused(machine, linux(memoryPolicy=wrong), words)
    policy = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}
    container = machine.started("sleep", "100", change=linux(memoryPolicy=policy))
    maps = Path(f"/proc/{machine.state(container)['pid']}/numa_maps").read_text()
    assert maps.split()[1] == "bind=static:0"
    assert machine.ok("exec", container, "head", "-n", "1", "/proc/self/numa_maps").split()[1] == "bind=static:0"


@pytest.fixture
def veth() -> Iterator[str]:
    """An interface with addresses, in a network namespace of its own in which the test runs commands."""
    with namespaces_of("-n") as pid:
        enter = ["nsenter", "-n", "-t", str(pid)]
        for words in (
            "link add swdev type veth peer name swpeer",
            "link set swdev mtu 1789",
            "addr add 169.254.169.77/32 dev swdev",
            "addr add fd00::5/64 dev swdev",
            "addr add 127.0.0.33/8 scope host dev swdev",
            "link set swdev up",
        ):
            subprocess.run([*enter, "ip", *words.split()], check=True)
        yield " ".join(enter)


def run_in(enter: str, machine: Machine, bundle: Path) -> subprocess.CompletedProcess[str]:
    argv = [*enter.split(), *PRIVATE_MOUNTS, *machine.runc_argv("run", "--bundle", str(bundle), bundle.name)]
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


@pytest.mark.parametrize("mapping", [None, MAPPED], ids=["host", "user namespace"])
@pytest.mark.parametrize(("wanted", "name"), [({}, "swdev"), ({"name": "eth7"}, "eth7"), ({"name": "eth%d"}, "eth0")])
def test_a_network_device_moves_with_its_addresses(
    machine: Machine, veth: str, mapping: Change | None, wanted: dict[str, str], name: str
) -> None:
    change = all_of(linux(netDevices={"swdev": wanted}), *([mapping] if mapping else []))
    bundle = owned_bundle(machine, "busybox", "ip", "addr", "show", "dev", name, change=change)
    done = run_in(veth, machine, bundle)
    assert "mtu 1789" in done.stdout, done.stderr
    assert "UP" in done.stdout.split(">")[0].split("<")[1].split(",")
    assert "inet 169.254.169.77/32 scope global" in done.stdout
    assert "inet6 fd00::5/64" in done.stdout
    assert "127.0.0.33" not in done.stdout


def test_a_network_device_stays_in_a_namespace_that_outlives_the_container(machine: Machine, veth: str) -> None:
    with namespaces_of("-n") as other:
        network = with_namespace("network", f"/proc/{other}/ns/net")
        change = all_of(network, linux(netDevices={"swdev": {"name": "eth7"}}))
        assert run_in(veth, machine, machine.bundle("true", change=change)).returncode == 0
        enter = ["nsenter", "-n", "-t", str(other), "ip", "addr", "show", "dev", "eth7"]
        assert "169.254.169.77/32" in subprocess.run(enter, capture_output=True, text=True, check=True).stdout


def test_network_devices_that_cannot_be_moved(machine: Machine, veth: str) -> None:
    cases = [
        (linux(netDevices={"swdev": {"name": "lo"}}), "move network device swdev as lo: file exists"),
        (linux(netDevices={"nodev": {}}), "find network device nodev: no such device"),
        (linux(netDevices={"a b": {}}), "invalid network device name"),
        (all_of(without_namespace("network"), linux(netDevices={"swdev": {}})), "without a NET namespace"),
        (
            all_of(with_namespace("network", "/proc/self/ns/net"), linux(netDevices={"swdev": {}})),
            "without a NET namespace",
        ),
    ]
    for change, words in cases:
        done = run_in(veth, machine, machine.bundle("true", change=change))
        assert done.returncode == 1
        assert words in done.stderr
    state = subprocess.run([*veth.split(), "ip", "link", "show", "swdev"], capture_output=True, text=True, check=True)
    assert ",UP" in state.stdout  # as it was
