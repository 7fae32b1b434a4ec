"""Seccomp profiles that are older than this machine's kernel refuse what our runc asks of it behind the filter."""

import errno
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.runc.conftest import Machine

NEWER = ["openat2", "close_range", "faccessat2", "pidfd_open", "clone3", "pidfd_getfd"]
SEE = 'cd /proc/self/fd; echo "$HOME"; echo *'


def refusing(
    names: list[str], number: int, more: Callable[[dict[str, Any]], None] = lambda _: None
) -> Callable[[dict[str, Any]], None]:
    def change(spec: dict[str, Any]) -> None:
        rule = {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": number}
        spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
        spec["process"]["noNewPrivileges"] = False
        more(spec)

    return change


def with_a_user(machine: Machine, spec: dict[str, Any]) -> None:
    """Whose home the container tells."""
    rootfs = machine.folder / f"bundle{machine.bundles}" / "rootfs"
    (rootfs / "etc/passwd").write_text("root:x:0:0::/their/home:/bin/sh\n")
    spec["process"]["env"] = ["PATH=/bin"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS])
def test_a_program_runs_with_its_home_and_no_descriptor_of_ours(machine: Machine, number: int) -> None:
    change = refusing(NEWER, number, lambda spec: with_a_user(machine, spec))
    done = machine.run("sh", "-c", SEE, change=change)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["/their/home", "0 1 2 3"]  # 3 is the shell's, which reads the folder


def test_another_process_is_executed_there(machine: Machine) -> None:
    container = machine.started("sleep", "100", change=refusing(NEWER, errno.EPERM))
    assert machine.ok("exec", container, "sh", "-c", "cd /proc/self/fd; echo *") == "0 1 2 3\n"


def test_what_nobody_may_execute_is_still_told(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        refusing(NEWER, errno.EPERM)(spec)
        (machine.folder / f"bundle{machine.bundles}/rootfs/etc/file").write_text("text")

    assert 'exec: \\"/etc/file\\": permission denied' in machine.run("/etc/file", change=change).stderr


def test_a_start_container_hook_runs_and_is_ended_behind_the_filter(machine: Machine) -> None:
    def hook(*words: str, timeout: int) -> Callable[[dict[str, Any]], None]:
        def change(spec: dict[str, Any]) -> None:
            these = [{"path": "/bin/sh", "args": ["sh", "-c", *words], "timeout": timeout}]
            spec["hooks"] = {"startContainer": these}

        return refusing(NEWER, errno.EPERM, change)

    assert machine.run("cat", "/told", change=hook("echo hook >/told", timeout=10)).stdout == "hook\n"
    done = machine.run("true", change=hook("sleep 100", timeout=1))
    assert "error running startContainer hook #0: hook ran past specified timeout of 1.0s" in done.stderr


def test_the_working_directory_is_checked_before_a_filter_that_refuses_to_tell_it(machine: Machine) -> None:
    done = machine.run("echo", "here", change=refusing(["getcwd"], errno.EPERM))
    assert (done.stdout, done.stderr) == ("here\n", "")
