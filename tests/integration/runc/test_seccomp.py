"""Seccomp profiles: every action, operator, flag and architecture; system calls announced to an agent."""

import ctypes
import errno
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.contracts.oci.seccomp import default_seccomp
from tests.integration.runc.conftest import Machine
from tests.integration.runc.test_confinement import status_of
from tests.support.seccomp_agent import SeccompAgent
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64's system calls")

MKDIR, MKDIRAT, CHMOD, EXECVE, READ, CLOSE, OPENAT, GETUID = 83, 258, 90, 59, 0, 3, 257, 102
Change = Callable[[dict[str, Any]], None]


def with_profile(profile: dict[str, Any], *, no_new_privileges: bool = True) -> Change:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["seccomp"] = profile
        spec["process"]["noNewPrivileges"] = no_new_privileges

    return change


def rule(action: str, *names: str, **extra: Any) -> dict[str, Any]:
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [{"names": [*names], "action": action, **extra}],
    }


def notify(path: Path | str, *names: str, **extra: Any) -> dict[str, Any]:
    return rule("SCMP_ACT_NOTIFY", *names) | {"listenerPath": str(path)} | extra


# Announced calls.


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_an_agent_decides_on_announced_calls(machine: Machine, no_new_privileges: bool) -> None:
    agent_path = machine.folder / "agent"
    profile = notify(agent_path, "mkdir", "mkdirat", "chmod", listenerMetadata="of mine")

    def change(spec: dict[str, Any]) -> None:
        with_profile(profile, no_new_privileges=no_new_privileges)(spec)
        spec["annotations"] = {"key": "value"}

    bundle = machine.bundle("sleep", "100", change=change)
    with SeccompAgent(agent_path, {MKDIR: 0, CHMOD: errno.ENOMEDIUM}) as agent:
        machine.ok_detached("create", "--bundle", str(bundle), "c1")
        pid = machine.state("c1")["pid"]
        machine.ok("start", "c1")
        done = machine.runc(
            "exec", "c1", "sh", "-c", "busybox mkdir /nowhere && echo pretended; busybox chmod 700 /bin"
        )
    assert done.stdout == "pretended\n"
    assert "No medium found" in done.stderr
    ours, joined = agent.states
    assert ours == {
        "ociVersion": "1.2.1",
        "fds": ["seccompFd"],
        "pid": pid,
        "metadata": "of mine",
        "state": {
            "ociVersion": "1.2.1",
            "id": "c1",
            "status": "creating",
            "pid": pid,
            "bundle": str(bundle),
            "annotations": {"key": "value"},
        },
    }
    assert joined["pid"] != pid
    assert joined["state"] == ours["state"] | {"status": "running"}
    assert agent.descriptors_per_connection == [1, 1]


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_calls_that_the_runtime_itself_makes_may_be_announced(machine: Machine, no_new_privileges: bool) -> None:
    agent_path = machine.folder / "agent"
    names = ("execve", "openat", "open", "read", "close", "fcntl", "close_range", "chdir", "setresuid", "capset", "brk")
    profile = notify(agent_path, *names)
    with SeccompAgent(agent_path, {}) as agent:
        done = machine.run("echo", "done", change=with_profile(profile, no_new_privileges=no_new_privileges))
    assert done.stdout == "done\n", done.stderr
    assert {EXECVE, READ} <= set(agent.calls)


def test_nothing_of_the_listener_is_left_in_the_container(machine: Machine) -> None:
    """The listener, and the agent's socket: neither hook nor program may answer for itself."""
    agent_path = machine.folder / "agent"
    hook = {"path": "/bin/sh", "args": ["sh", "-c", "ls /proc/self/fd > /hook"], "env": ["PATH=/bin"]}

    def change(spec: dict[str, Any]) -> None:
        with_profile(notify(agent_path, "chmod"))(spec)
        spec["hooks"] = {"startContainer": [hook]}

    bundle = machine.bundle("ls", "/proc/self/fd", change=change)
    with SeccompAgent(agent_path, {}):
        done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert done.stdout.split() == ["0", "1", "2", "3"]  # 3 is the directory that ls reads
    assert (bundle / "rootfs/hook").read_text().split() == ["0", "1", "2", "3"]


def test_a_relative_path_is_the_bundles_and_one_with_an_at_sign_is_abstract(machine: Machine) -> None:
    script = ("sh", "-c", "busybox mkdir /nowhere && echo pretended")
    bundle = machine.bundle(*script, change=with_profile(notify("agent", "mkdir")))
    with SeccompAgent(bundle / "agent", {MKDIR: 0}):
        assert machine.ok("run", "--bundle", str(bundle), "c1") == "pretended\n"
    name = f"slipway-{machine.folder.name}"
    with SeccompAgent(Path(f"\0{name}"), {MKDIR: 0}):
        assert machine.run(*script, change=with_profile(notify(f"@{name}", "mkdir"))).stdout == "pretended\n"


def test_without_an_announcing_rule_nobody_is_told(machine: Machine) -> None:
    profile = rule("SCMP_ACT_ERRNO", "chmod") | {"listenerPath": "/nowhere", "listenerMetadata": "x"}
    assert machine.run("echo", "done", change=with_profile(profile)).stdout == "done\n"


@pytest.mark.parametrize("path", ["/nowhere.sock", "@slipway-nobody-listens-here", "/" + "x" * 200])
def test_an_agent_that_is_not_there_ends_the_creation(machine: Machine, path: str) -> None:
    done = machine.run("true", change=with_profile(notify(path, "mkdir")))
    assert done.returncode == 1
    words = "failed to connect with seccomp agent specified in the seccomp profile: dial unix "
    assert f"{words}{path}: connect: " in done.stderr
    assert machine.groups() == []
    assert machine.containers() == []


def test_calls_fail_when_the_agent_is_gone(machine: Machine) -> None:
    agent_path = machine.folder / "agent"
    bundle = machine.bundle("busybox", "mkdir", "/x", change=with_profile(notify(agent_path, "mkdir", "mkdirat")))
    with SeccompAgent(agent_path, {}):
        machine.ok_detached("create", "--bundle", str(bundle), "c1")
    machine.ok("start", "c1")
    wait_until(lambda: machine.state("c1")["status"] == "stopped", "the program to have failed")
    assert "Function not implemented" in (machine.folder / "output").read_text()


def test_a_profile_that_cannot_be_leaves_nothing(machine: Machine) -> None:
    for profile, words in (
        (notify("/a", "write"), "SCMP_ACT_NOTIFY cannot be used for the write syscall"),
        (notify("", "mkdir"), "seccomp listenerPath is not set"),
    ):
        done = machine.run("true", change=with_profile(profile))
        assert (done.returncode, words in done.stderr) == (1, True)
    assert machine.groups() == []
    assert machine.containers() == []


# Actions, operators, flags, architectures.


def test_numbers_that_calls_answer(machine: Machine) -> None:
    profile = rule("SCMP_ACT_ERRNO", "mkdir", errnoRet=errno.ENETDOWN)
    profile["syscalls"].append({"names": ["chmod"], "action": "SCMP_ACT_ERRNO"})
    script = "busybox mkdir /x; busybox chmod 700 /bin"
    done = machine.run("sh", "-c", script, change=with_profile(profile))
    assert "Network is down" in done.stderr
    assert "Operation not permitted" in done.stderr


def test_a_default_number_holds_for_known_calls_only(machine: Machine) -> None:
    """Everything is allowed by name but chmod; a call newer than all that the profile names answers ENOSYS."""
    profile = default_seccomp(frozenset(), "x86_64", (6, 1)) | {"defaultErrnoRet": errno.ENXIO}
    for allowed in profile["syscalls"]:
        allowed["names"] = [name for name in allowed["names"] if name not in ("chmod", "fchmodat", "fchmodat2")]
    done = machine.run("busybox", "chmod", "700", "/bin", change=with_profile(profile))
    assert "No such device or address" in done.stderr


# For each action: what is run under it, the system calls that it stands on, the status (159 is SIGSYS).
ACTIONS = {
    "SCMP_ACT_KILL": ("mkdir /x", ["mkdir"], 159),
    "SCMP_ACT_KILL_THREAD": ("rmdir /y", ["rmdir"], 159),
    "SCMP_ACT_KILL_PROCESS": ("ln -s a /z", ["symlink"], 159),
    "SCMP_ACT_TRAP": ("ln /bin/busybox /w", ["link", "linkat"], 159),
    "SCMP_ACT_LOG": ("mv /bin/id /bin/mine", ["rename"], 0),
    "SCMP_ACT_ALLOW": ("chmod 755 /etc", ["chmod"], 0),
    "SCMP_ACT_TRACE": ("mkfifo /fifo", ["mknod", "mknodat"], 1),
}


def test_every_action(machine: Machine) -> None:
    """Without a tracer SCMP_ACT_TRACE is ENOSYS."""
    profile = rule("SCMP_ACT_ERRNO", "reboot")
    for action, (_, names, _) in ACTIONS.items():
        profile["syscalls"].append({"names": names, "action": action})
    script = "; ".join(f"busybox {command}; echo {action} $?" for action, (command, _, _) in ACTIONS.items())
    done = machine.run("sh", "-c", script, change=with_profile(profile))
    assert done.stdout.splitlines() == [f"{action} {status}" for action, (_, _, status) in ACTIONS.items()]
    assert "Function not implemented" in done.stderr


OPERATORS = {
    "SCMP_CMP_NE": (0o700, 0, {0o600, 0o701}),
    "SCMP_CMP_LT": (0o700, 0, {0o600}),
    "SCMP_CMP_LE": (0o700, 0, {0o600, 0o700}),
    "SCMP_CMP_EQ": (0o700, 0, {0o700}),
    "SCMP_CMP_GE": (0o700, 0, {0o700, 0o701}),
    "SCMP_CMP_GT": (0o700, 0, {0o701}),
    "SCMP_CMP_MASKED_EQ": (0o001, 0o001, {0o701}),
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators(machine: Machine, operator: str) -> None:
    value, second, refused = OPERATORS[operator]
    # chmod has its mode in the second argument, fchmodat in the third.
    arguments = [{"index": index, "op": operator, "value": value, "valueTwo": second} for index in (1, 2)]
    profile = rule("SCMP_ACT_ERRNO", "chmod", args=arguments[:1])
    profile["syscalls"].append({"names": ["fchmodat"], "action": "SCMP_ACT_ERRNO", "args": arguments[1:]})
    script = "; ".join(f"busybox chmod {mode:o} /etc || echo {mode}" for mode in (0o600, 0o700, 0o701))
    done = machine.run("sh", "-c", script, change=with_profile(profile))
    assert {int(line) for line in done.stdout.split()} == refused


def test_every_flag_that_the_kernel_takes(machine: Machine) -> None:
    features = json.loads(machine.ok("features"))["linux"]["seccomp"]
    supported = features["supportedFlags"]
    assert set(supported) <= set(features["knownFlags"])
    agent_path = machine.folder / "agent"
    profile = notify(agent_path, "mkdir") | {"flags": supported}
    with SeccompAgent(agent_path, {MKDIR: 0}):
        done = machine.run("sh", "-c", "busybox mkdir /x && echo pretended", change=with_profile(profile))
    assert done.stdout == "pretended\n", done.stderr


@pytest.mark.parametrize("flags", [None, ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]])
def test_speculation_is_left_alone_without_a_word_about_flags(machine: Machine, flags: list[str] | None) -> None:
    profile = rule("SCMP_ACT_ERRNO", "mkdir") | ({} if flags is None else {"flags": flags})
    done = machine.run("cat", "/proc/self/status", change=with_profile(profile))
    outside = status_of(Path("/proc/self/status").read_text())
    assert status_of(done.stdout)["Speculation_Store_Bypass"] == outside["Speculation_Store_Bypass"]


def test_every_architecture_of_the_library(machine: Machine) -> None:
    """Those that the installed libseccomp does not know, and those of another byte order, are refused by name."""
    features = json.loads(machine.ok("features"))["linux"]["seccomp"]
    library = ctypes.CDLL("libseccomp.so.2")
    for name in features["archs"]:
        assert library.seccomp_arch_resolve_name(name.removeprefix("SCMP_ARCH_").lower().encode()), name
    little = ("X86", "X86_64", "X32", "ARM", "AARCH64", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC64LE", "RISCV64")
    known = [name for name in little if library.seccomp_arch_resolve_name(name.lower().encode())]
    assert {f"SCMP_ARCH_{name}" for name in known} <= set(features["archs"])
    profile = rule("SCMP_ACT_ERRNO", "mkdir") | {"architectures": [f"SCMP_ARCH_{name}" for name in known]}
    assert machine.run("echo", "done", change=with_profile(profile)).stdout == "done\n"
    done = machine.run("true", change=with_profile(profile | {"architectures": ["SCMP_ARCH_S390X"]}))
    assert "seccomp architecture 's390x'" in done.stderr


def test_the_listener_and_the_flags_do_not_make_another_program(machine: Machine) -> None:
    for metadata in ("one", "two"):
        agent_path = machine.folder / metadata
        with SeccompAgent(agent_path, {}):
            profile = notify(agent_path, "mkdir", listenerMetadata=metadata)
            assert machine.run("true", change=with_profile(profile)).returncode == 0
    assert len(list((machine.root / ".seccomp").iterdir())) == 1
