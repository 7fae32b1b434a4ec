"""What runs inside a container tries: to write our interpreter, trace who joins, open devices, become another user."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runc.conftest import FORKING, PRIVATE_MOUNTS, Machine
from tests.integration.runc.test_confinement import status_of
from tests.support.paths import CHECKOUT
from tests.support.seccomp_agent import SeccompAgent
from tests.support.waiting import wait_until

INTERPRETER = Path(sys.executable).resolve()
PYTHON = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
EXECVE = 59
Spec = dict[str, Any]
Change = Callable[[Spec], None]


def with_python(machine: Machine, program: str, change: Change) -> Path:
    """A bundle whose program is Python, with the host's /usr; `change` alters the rest of the specification."""
    if not PYTHON.startswith("/usr/bin/"):
        pytest.skip("the interpreter of these tests is not the system's, so it cannot be shown to a container")

    def all_of_it(spec: Spec) -> None:
        options = ["rbind", "ro"]
        spec["mounts"].append({"destination": "/usr", "type": "bind", "source": "/usr", "options": options})
        change(spec)

    bundle = machine.bundle(PYTHON, "-I", "-c", program, change=all_of_it)
    for name in ("lib", "lib64"):
        (bundle / "rootfs" / name).symlink_to(f"usr/{name}")
    return bundle


def no_change(_: Spec) -> None: ...


# Our own program and processes.


WRITE_OURSELVES = """
import errno, os
for path in ("/proc/self/exe", "/proc/1/exe"):
    handle = os.open(path, os.O_PATH)
    for name in (path, f"/proc/self/fd/{handle}"):
        try:
            os.open(name, os.O_WRONLY | os.O_TRUNC)
        except OSError as error:
            print(errno.errorcode[error.errno])
"""


@pytest.mark.parametrize("how", ["argument", "script"])
def test_our_program_file_as_the_container_s_own_program_cannot_be_written(machine: Machine, how: str) -> None:
    """CVE-2019-5736, by an image that holds what our interpreter needs: `/proc/self/exe` is then really started."""
    bundle = with_python(machine, WRITE_OURSELVES, no_change)
    config = json.loads((bundle / "config.json").read_text())
    if how == "argument":
        config["process"]["args"][0] = "/proc/self/exe"
    else:
        (bundle / "rootfs/script").write_text(f"#!/proc/self/exe\n{WRITE_OURSELVES}")
        (bundle / "rootfs/script").chmod(0o755)
        config["process"]["args"] = ["/script"]
    (bundle / "config.json").write_text(json.dumps(config))
    before = loaded_files()
    done = machine.runc("run", "--bundle", str(bundle), "c1", timeout=20)
    assert done.returncode in (0, 1)
    assert set(done.stdout.split()) <= {"EROFS", "EACCES", "ETXTBSY", "EPERM"}
    if how == "argument":
        assert done.stdout.split() == ["EROFS"] * 4, done.stderr
    assert loaded_files() == before


def loaded_files() -> dict[str, bytes]:
    """The interpreter and every library that it has loaded, by path: digests of what they hold."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    paths = {line.split(None, 5)[5] for line in maps if line.count("/") and " /" in line}
    return {path: hashlib.sha256(Path(path).read_bytes()).digest() for path in paths if os.path.isfile(path)}


def sharing_pids_of(pid: int) -> Change:
    def change(spec: Spec) -> None:
        for namespace in spec["linux"]["namespaces"]:
            if namespace["type"] == "pid":
                namespace["path"] = f"/proc/{pid}/ns/pid"

    return change


def test_root_with_every_power_cannot_write_the_interpreter_by_a_kept_handle(machine: Machine) -> None:
    """CVE-2019-5736: opened while it waits, written through that descriptor now, and once the program has ended."""
    before = hashlib.sha256(INTERPRETER.read_bytes()).digest()

    def powers(spec: Spec) -> None:
        for kind in ("bounding", "effective", "permitted"):
            spec["process"]["capabilities"][kind] += ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"]

    attacker = machine.started("sleep", "100", change=powers)
    inside = machine.state(attacker)["pid"]
    victim = machine.bundle("true", change=sharing_pids_of(inside))
    machine.ok_detached("create", "--bundle", str(victim), "victim")
    pid = machine.state("victim")["pid"]
    number = status_of(Path(f"/proc/{pid}/status").read_text())["NSpid"].split()[-1]
    script = f"""
        exec 9</proc/{number}/exe && echo opened
        echo x > /proc/self/fd/9
        while [ ! -e /go ]; do sleep 0.02; done
        echo x > /proc/self/fd/9
    """
    argv = [*PRIVATE_MOUNTS, *machine.runc_argv("exec", attacker, "sh", "-c", script)]
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as attack:
        assert attack.stdout is not None
        assert attack.stdout.readline() == "opened\n"
        machine.ok("start", "victim")
        wait_until(lambda: machine.state("victim")["status"] == "stopped", "the program to have ended")
        (machine.folder / attacker / "rootfs/go").touch()
        _, errors = attack.communicate(timeout=60)
    assert errors.count("Read-only file system") == 2  # truncation is refused before "text file busy"
    assert hashlib.sha256(INTERPRETER.read_bytes()).digest() == before


SPY = """
import ctypes, json, os, time
open("/looks", "w").close()
while not os.path.exists("/go"):
    time.sleep(0.01)
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for pid in [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]:
    def attempt(name, action):
        try:
            action()
            return "done"
        except OSError as error:
            return os.strerror(error.errno)
    def seize():
        if libc.ptrace(0x4206, int(pid), 0, 0):
            raise OSError(ctypes.get_errno(), "")
    folder = f"/proc/{pid}"
    found[pid] = {
        "comm": open(folder + "/comm").read().strip(),
        "trace": attempt("trace", seize),
        "fd": attempt("fd", lambda: [os.readlink(f"{folder}/fd/{name}") for name in os.listdir(folder + "/fd")]),
        "exe": attempt("exe", lambda: os.close(os.open(folder + "/exe", os.O_RDONLY))),
        "mem": attempt("mem", lambda: os.close(os.open(folder + "/mem", os.O_RDWR))),
        "root": attempt("root", lambda: os.listdir(folder + "/root")),
        "cwd": attempt("cwd", lambda: os.listdir(folder + "/cwd")),
    }
with open("/found.new", "w") as file:
    json.dump(found, file)
os.rename("/found.new", "/found")
time.sleep(100)
"""


@pytest.mark.parametrize("user", [{"uid": 0, "gid": 0}, {"uid": 1000, "gid": 1000}], ids=["root", "same user"])
def test_nobody_inside_can_trace_or_look_into_a_process_that_joins(machine: Machine, user: dict[str, int]) -> None:
    """CVE-2016-9962, at the last moment: an agent holds the joining process up in its execve.

    Its program file cannot be written, by root outside neither (CVE-2019-5736); it has loaded nothing of the image, and
    none of the container's variables.
    """
    agent_path = machine.folder / "agent"

    def change(spec: Spec) -> None:
        spec["process"]["user"] = user
        spec["process"]["env"] += ["LD_PRELOAD=/evil.so", "PYTHONPATH=/evil", "BASH_ENV=/evil"]
        rule = {"names": ["execve"], "action": "SCMP_ACT_NOTIFY"}
        spec["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": str(agent_path),
            "syscalls": [rule],
        }

    bundle = with_python(machine, SPY, change)
    (bundle / "rootfs").chmod(0o777)
    with SeccompAgent(agent_path, {}) as agent:
        machine.ok_detached("create", "--bundle", str(bundle), "c1")
        machine.ok("start", "c1")
        wait_until((bundle / "rootfs/looks").exists, "the spy to be executed itself")
        agent.hold(EXECVE)
        joining = threading.Thread(target=machine.runc, args=("exec", "c1", "true"))
        joining.start()
        try:
            agent.wait_held(30)
            (bundle / "rootfs/go").touch()
            wait_until((bundle / "rootfs/found").exists, "the spy to have looked")
            init = machine.state("c1")["pid"]
            (pid,) = (pid for pid in json.loads(machine.ok("ps", "--format", "json", "c1")) if pid != init)
            with pytest.raises(OSError, match="Read-only file system"):
                os.open(f"/proc/{pid}/exe", os.O_WRONLY | os.O_TRUNC)
            assert b"evil" not in Path(f"/proc/{pid}/environ").read_bytes()
            assert str(bundle) not in Path(f"/proc/{pid}/maps").read_text()
        finally:
            agent.release()
            joining.join(60)
    ((_, seen),) = json.loads((bundle / "rootfs/found").read_text()).items()
    assert seen.pop("comm").startswith("python")
    assert set(seen.values()) <= {"Operation not permitted", "Permission denied"}, seen


EVERY_DIRECTORY = (
    FORKING
    + """
_, _, root, bundle, container, output = sys.argv
def call(*words):
    pid = os.fork()
    if not pid:
        log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        os.dup2(log, 1); os.dup2(log, 2); os.close(log)
        os._exit(main.main(["--root", root, *words]))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
configuration = json.load(open(bundle + "/config.json"))
for number in range(3, 65):
    cwd = f"/proc/self/fd/{number}"
    configuration["process"]["cwd"] = cwd
    with open(bundle + "/config.json", "w") as file:
        json.dump(configuration, file)
    call("run", "--bundle", bundle, f"r{number}")
    call("exec", "--cwd", cwd, container, "sh", "-c", "echo in $(pwd); for name in *; do echo saw $name; done")
"""
)


def test_no_descriptor_of_ours_is_a_working_directory_that_leads_out(machine: Machine) -> None:
    """CVE-2024-21626, for every number that could be one, by processes forked as the shim forks them."""
    container = machine.started("sleep", "100")
    bundle = machine.bundle("sh", "-c", "echo in $(pwd); for name in *; do echo saw $name; done")
    (bundle / "rootfs/mark").touch()
    output = machine.folder / "output-of-all"
    argv = [sys.executable, "-I", "-S", "-c", EVERY_DIRECTORY, str(CHECKOUT / "src"), str(machine.root)]
    done = subprocess.run(
        [*PRIVATE_MOUNTS, *argv, str(bundle), container, str(output)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = output.read_text().splitlines()
    refused = [line for line in lines if " level=error " in line]
    assert len(refused) >= 100  # most numbers are no descriptor at all
    said = {line for line in lines if line not in refused}
    # Our descriptors of the container's own root are no harm: nothing else is where a program began, or saw.
    names = {entry.name for entry in (bundle / "rootfs").iterdir()} | {"bin", "etc", "dev", "proc", "sys", "*"}
    assert said <= {"in /", *(f"saw {name}" for name in names)}, said


# Devices.

OPEN_EVERYTHING = """
import errno, json, os, stat
opened, other = [], []
for kind, letter in ((stat.S_IFCHR, "c"), (stat.S_IFBLK, "b")):
    for major in range(1, 512):
        for minor in (0, 1, 2, 4, 77, 229):
            try:
                os.mknod("/node", kind | 0o600, os.makedev(major, minor))
                try:
                    os.close(os.open("/node", os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
                    opened.append(f"{letter} {major}:{minor}")
                except OSError as error:
                    if error.errno != errno.EPERM:
                        other.append(f"{letter} {major}:{minor} {error.strerror}")
                os.unlink("/node")
            except OSError as error:
                other.append(f"{letter} {major}:{minor} mknod {error.strerror}")
print(json.dumps([opened, other]))
"""


@pytest.mark.in_guest
def test_no_device_that_is_not_listed_can_be_opened(machine: Machine) -> None:
    """Making nodes is allowed, using them is not; what is listed by default may be missing on this machine."""

    def change(spec: Spec) -> None:
        for kind in ("bounding", "effective", "permitted"):
            spec["process"]["capabilities"][kind] += ["CAP_MKNOD"]

    bundle = with_python(machine, OPEN_EVERYTHING, change)
    opened, other = json.loads(machine.ok("run", "--bundle", str(bundle), "c1"))
    listed = {"c 5:0", "c 5:1", "c 5:2"} | {f"c 136:{minor}" for minor in (0, 1, 2, 4, 77, 229)}
    listed |= {f"c 1:{minor}" for minor in (3, 5, 7, 8, 9)}
    assert set(opened) <= listed
    assert {" ".join(line.split()[:2]) for line in other} <= listed


# Identity.


def test_users_of_exec(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    for user, uid, gid in (
        ("0", 0, 0),
        ("1000", 1000, 0),
        ("1:2", 1, 2),
        ("2147483648:2147483648", 1 << 31, 1 << 31),
        ("4294967294:4294967294", (1 << 32) - 2, (1 << 32) - 2),
    ):
        status = status_of(machine.ok("exec", "--user", user, container, "cat", "/proc/self/status"))
        assert status["Uid"].split() == [str(uid)] * 4
        assert status["Gid"].split() == [str(gid)] * 4
        assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0


def test_what_is_no_user_becomes_none(machine: Machine) -> None:
    """CVE-2016-3697, CVE-2024-40635: neither a name nor another number, and never root by -1."""
    bundle = machine.bundle("sleep", "100")
    (bundle / "rootfs/etc/passwd").write_text("1000:x:0:0::/:/bin/sh\nroot:x:0:0::/:/bin/sh\n")
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    machine.ok("start", "c1")
    for user in ("-1", "4294967295", "4294967296", "root", "1:", ":1", " 1", "+1", "1_0", "١", "0x1", "1:4294967295"):
        done = machine.runc("exec", f"--user={user}", "c1", "id")
        assert (done.returncode, done.stdout) == (255, ""), user
    assert status_of(machine.ok("exec", "-u", "1000", "c1", "cat", "/proc/self/status"))["Uid"].split()[0] == "1000"


@pytest.mark.parametrize("field", ["uid", "gid", "additionalGids"])
def test_minus_one_is_refused_in_a_specification(machine: Machine, field: str) -> None:
    value: Any = [4294967295] if field == "additionalGids" else 4294967295
    done = machine.run("id", change=lambda spec: spec["process"]["user"].update({field: value}))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"process.user.{field}" in done.stderr


# The host's kernel.


@pytest.mark.parametrize("key", ["net.ipv4.ip_forward", "net/ipv4/ip_forward"])
def test_no_sysctl_reaches_the_hosts_network_by_a_path(machine: Machine, key: str) -> None:
    def change(spec: Spec) -> None:
        for namespace in spec["linux"]["namespaces"]:
            if namespace["type"] == "network":
                namespace["path"] = "/proc/self/ns/net"
        spec["linux"]["sysctl"] = {key: "1"}

    done = machine.run("true", change=change)
    assert done.returncode == 1
    assert "not allowed in host network namespace" in done.stderr


def test_sysctls_of_the_containers_own_namespaces_are_set(machine: Machine) -> None:
    own = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "4096", "kernel.domainname": "house", "fs.mqueue.msg_max": "9"}
    files = " ".join(f"/proc/sys/{key.replace('.', '/')}" for key in own)
    done = machine.run("sh", "-c", f"cat {files}", change=lambda spec: spec["linux"].update(sysctl=own))
    assert done.stdout.split() == list(own.values())


# Lengths.


def in_a_user_namespace(mappings: list[dict[str, int]]) -> Change:
    def change(spec: Spec) -> None:
        spec["linux"]["namespaces"].append({"type": "user"})
        spec["linux"] |= {"uidMappings": mappings, "gidMappings": mappings}
        spec["mounts"] = [mount for mount in spec["mounts"] if mount["type"] != "cgroup"]

    return change


def mappings(count: int) -> list[dict[str, int]]:
    return [{"containerID": number, "hostID": 100000 + number, "size": 1} for number in range(count)]


def test_as_many_mappings_as_the_kernel_takes(machine: Machine) -> None:
    """340 (user_namespaces(7)); in the original's messages to its child lengths were of 16 bits (CVE-2021-43784)."""
    bundle = machine.bundle("cat", "/proc/self/uid_map", change=in_a_user_namespace(mappings(240)))
    machine.folder.chmod(0o755)
    os.chown(bundle / "rootfs", 100000, 100000)
    assert len(machine.ok("run", "--bundle", str(bundle), "c1").splitlines()) == 240


def test_more_than_64_kib_of_mappings_are_an_error(machine: Machine) -> None:
    bundle = machine.bundle("id", change=in_a_user_namespace(mappings(6000)))
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "uid_map" in done.stderr
    assert machine.groups() == []
    assert machine.containers() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["linux"]["namespaces"].append({"type": "user", "path": "/" + "x" * 70000}),
        lambda spec: spec["root"].update(path="x" * 70000),
        lambda spec: spec["process"].update(cwd="/" + "x" * 70000),
        lambda spec: spec.update(hostname="x" * 70000),
        lambda spec: spec["linux"].update(cgroupsPath="/" + "x" * 70000),
        lambda spec: spec["process"].update(args=["x" * 70000]),
    ],
    ids=["namespace", "root", "directory", "hostname", "group", "program"],
)
def test_names_of_more_than_64_kib_are_errors(machine: Machine, change: Change) -> None:
    done = machine.run("id", change=change)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert machine.groups() == []
    assert machine.containers() == []


# What others on the host find.


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_the_folders_are_closed_whatever_the_callers_umask(machine: Machine, umask: int) -> None:
    """CVE-2021-41091 and its kind: 0711 lets a container's root of another user id reach its fifo, and nothing else."""
    machine.root = machine.folder / "made/state"
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["reboot"], "action": "SCMP_ACT_ERRNO"}]}
    bundle = machine.bundle("sh", "-c", "umask", change=lambda spec: spec["linux"].update(seccomp=profile))
    with open(machine.folder / "output", "w+b") as output:
        argv = [*PRIVATE_MOUNTS, *machine.runc_argv("create", "--bundle", str(bundle), "c1")]
        subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=60, check=True, umask=umask
        )
    modes = {
        str(path.relative_to(machine.folder)): path.stat().st_mode & 0o7777
        for path in (machine.root.parent, machine.root, *machine.root.rglob("*"))
    }
    assert modes.pop("made") & ~0o700 == modes.pop("made/state") & ~0o700 == 0
    assert modes.pop("made/state/c1") & ~0o711 == 0
    assert modes.pop("made/state/c1/exec.fifo") == 0o622
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}
    machine.ok("start", "c1")
    wait_until(lambda: machine.state("c1")["status"] == "stopped", "the program to have ended")
    assert (machine.folder / "output").read_text() == "0022\n"
