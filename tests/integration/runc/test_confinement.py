"""What a process in a container is, has, and may do."""

import json
import os
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.integration.runc.conftest import Machine


def status_of(text: str) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


CAPABILITIES = (1 << 29) | (1 << 10) | (1 << 5)  # CAP_AUDIT_WRITE, CAP_NET_BIND_SERVICE, CAP_KILL of the example


def test_capabilities_are_those_asked_for_and_none_are_inherited(machine: Machine) -> None:
    status = status_of(machine.run("cat", "/proc/self/status").stdout)
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[name], 16) == CAPABILITIES
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    assert status["NoNewPrivs"] == "1"


def test_an_ordinary_user_holds_only_ambient_capabilities(machine: Machine) -> None:
    """Those that execve(2) passes on: the other permitted ones end with root (capabilities(7))."""

    def change(spec: dict[str, Any]) -> None:
        spec["process"]["user"] = {"uid": 1000, "gid": 1000}
        spec["process"]["capabilities"] |= {"inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}

    container = machine.started("sleep", "100", change=change)
    for done in (machine.run("cat", "/proc/self/status", change=change), exec_status(machine, container)):
        status = status_of(done.stdout)
        assert int(status["CapBnd"], 16) == CAPABILITIES
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[name], 16) == 1 << 5, name


def exec_status(machine: Machine, container: str) -> CompletedProcess[str]:
    return machine.runc("exec", container, "cat", "/proc/self/status")


def test_nothing_is_ignored_blocked_or_left_open(machine: Machine) -> None:
    done = machine.run("sh", "-c", "cat /proc/self/status; echo FDS; ls /proc/self/fd")
    status = status_of(done.stdout)
    assert int(status["SigIgn"], 16) == int(status["SigBlk"], 16) == 0
    # ls itself holds the directory open.
    assert done.stdout.partition("FDS\n")[2].split() == ["0", "1", "2", "3"]


def test_user_groups_umask_home_and_directory(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["process"]["user"] = {"uid": 1000, "gid": 5, "additionalGids": [5, 77], "umask": 0o027}
        spec["process"]["cwd"] = "/made/here"

    bundle = machine.bundle("sh", "-c", "id; umask; echo $HOME; pwd", change=change)
    (bundle / "rootfs/etc/passwd").write_text("me:x:1000:5::/home/me:/bin/sh\n")
    (bundle / "rootfs/etc/group").write_text("")
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert done.stdout.splitlines() == ["uid=1000(me) gid=5 groups=5,77", "0027", "/home/me", "/made/here"]


def test_limits_names_and_keyring(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 55, "hard": 66}]
        spec["process"]["oomScoreAdj"] = 321
        spec |= {"hostname": "box", "domainname": "house"}

    script = "ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj /proc/sys/kernel/hostname /proc/sys/kernel/domainname"
    done = machine.run("sh", "-c", script, change=change)
    assert done.stdout.split() == ["55", "66", "321", "box", "house"]


def test_a_limit_that_cannot_be_set_is_an_error_in_the_originals_words(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1 << 40, "hard": 1 << 40}]

    done = machine.run("true", change=change)
    assert (
        "error setting rlimits for ready process: error setting rlimit type 7: operation not permitted" in done.stderr
    )
    assert machine.groups() == []


def test_masked_and_read_only_paths(machine: Machine) -> None:
    script = "cat /proc/keys; ls /sys/firmware; echo x > /proc/sys/kernel/domainname; echo x > /ok && echo wrote"
    done = machine.run("sh", "-c", script)
    assert done.stdout == "wrote\n"
    assert "Read-only file system" in done.stderr


def test_a_read_only_root(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["root"]["readonly"] = True
        spec["mounts"].append({"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]})

    done = machine.run("sh", "-c", "echo x > /x; echo x > /t/x; echo x > /dev/shm/x && echo wrote", change=change)
    assert done.stdout == "wrote\n"
    assert done.stderr.count("Read-only file system") == 2


@pytest.mark.in_guest
def test_devices_can_be_made_but_not_opened(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        for kind in ("bounding", "effective", "permitted"):
            spec["process"]["capabilities"][kind].append("CAP_MKNOD")
        spec["linux"]["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o600}]

    script = (
        "mknod /disk b 254 0 && head -c1 /disk; mknod /port c 1 4 && head -c1 /port; head -c1 /dev/mine >/x && echo ok"
    )
    done = machine.run("sh", "-c", script, change=change)
    assert done.stdout == "ok\n"
    assert done.stderr.count("Operation not permitted") == 2


def profile(action: str, *names: str, **extra: Any) -> dict[str, Any]:
    rule = {"names": [*names, "no_such_call"], "action": action, **extra}
    return {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [rule]}


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_a_seccomp_profile_binds_run_and_exec(machine: Machine, no_new_privileges: bool) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=95)
        spec["process"]["noNewPrivileges"] = no_new_privileges

    done = machine.run("sh", "-c", "busybox mkdir /x; cat /proc/self/status", change=change)
    assert "Operation not supported" in done.stderr or "Not supported" in done.stderr
    assert status_of(done.stdout)["Seccomp"] == "2"
    container = machine.started("sleep", "100", change=change)
    done = machine.runc("exec", container, "cat", "/proc/self/status")
    assert status_of(done.stdout)["Seccomp"] == "2"
    assert len(list((machine.root / ".seccomp").iterdir())) == 1
    assert (machine.root / ".seccomp").stat().st_mode & 0o777 == 0o700


def test_a_profile_that_cannot_be_compiled_stops_the_container(machine: Machine) -> None:
    for wrong in (profile("SCMP_ACT_NOTIFY", "mkdir"), profile("SCMP_ACT_NOPE", "mkdir")):
        done = machine.run("true", change=lambda spec, wrong=wrong: spec["linux"].update(seccomp=wrong))
        assert done.returncode == 1
        assert "seccomp" in done.stderr
    assert machine.groups() == []


def test_namespaces_can_be_shared(machine: Machine) -> None:
    first = machine.started("sleep", "100")
    pid = machine.state(first)["pid"]

    def join(spec: dict[str, Any]) -> None:
        kinds = {"network": "net", "ipc": "ipc", "pid": "pid"}
        spec["linux"]["namespaces"] = [
            {"type": kind, "path": f"/proc/{pid}/ns/{file}"} for kind, file in kinds.items()
        ] + [{"type": "mount"}]
        del spec["hostname"]

    script = "busybox readlink /proc/self/ns/net; busybox readlink /proc/self/ns/ipc"
    ours = machine.ok("exec", first, "sh", "-c", script)
    done = machine.run("sh", "-c", f"{script}; cat /proc/1/cmdline", change=join)
    assert done.stdout.startswith(ours)
    assert "sleep" in done.stdout


def test_a_new_network_has_its_loopback_up(machine: Machine) -> None:
    assert "LOOPBACK,UP" in machine.run("busybox", "ip", "link").stdout.replace(" ", "")


def test_a_user_namespace_maps_root(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["namespaces"].append({"type": "user"})
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        spec["linux"] |= {"uidMappings": mapping, "gidMappings": mapping}
        spec["mounts"] = [mount for mount in spec["mounts"] if mount["type"] != "cgroup"]

    bundle = machine.bundle("sh", "-c", "id -u; cat /proc/self/uid_map; echo $$", change=change)
    machine.folder.chmod(0o755)
    os.chown(bundle / "rootfs", 100000, 100000)
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert done.stdout.split() == ["0", "0", "100000", "65536", "1"], done.stderr


def test_exec_takes_a_process_document(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    document = machine.folder / "process.json"
    process = {
        "args": ["sh", "-c", "id -u; id -G; pwd; echo $A; cat /proc/self/status; exit 9"],
        "cwd": "/bin",
        "env": ["PATH=/bin", "A=b"],
        "user": {"uid": 3, "gid": 4, "additionalGids": [6]},
        "capabilities": {"bounding": ["CAP_KILL"]},
        "noNewPrivileges": True,
    }
    document.write_text(json.dumps(process))
    done = machine.runc("exec", "--process", str(document), container)
    assert done.returncode == 9
    assert done.stdout.splitlines()[:4] == ["3", "4 6", "/bin", "b"]
    status = status_of(done.stdout)
    assert [int(status[name], 16) for name in ("CapEff", "CapInh", "CapAmb", "CapBnd")] == [0, 0, 0, 1 << 5]


def test_exec_cap_adds_none_to_the_inheritable_set(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    status = status_of(machine.ok("exec", "--cap", "CAP_SYS_ADMIN", container, "cat", "/proc/self/status"))
    assert int(status["CapEff"], 16) == CAPABILITIES | 1 << 21
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0


def test_exec_errors_have_the_originals_status_and_words(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    done = machine.runc("exec", container, "nope")
    assert done.returncode == 255
    wanted = 'exec failed: unable to start container process: exec: "nope": executable file not found in $PATH'
    assert wanted in done.stderr.replace('\\"', '"')
