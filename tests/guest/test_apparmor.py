"""The AppArmor profile `docker-default`, in a kernel that has it on."""

from pathlib import Path

import pytest

from tests.guest.client import Client
from tests.support.kept import compiled

pytestmark = pytest.mark.vm

CURRENT = ("cat", "/proc/1/attr/current", "/proc/self/attr/current")


def test_containers_and_what_is_executed_in_them_are_confined(client: Client, limited: str) -> None:
    assert client("exec", limited, *CURRENT).splitlines() == ["docker-default (enforce)"] * 2


def test_the_profile_refuses_what_no_mount_and_no_capability_does(client: Client) -> None:
    """System paths are writable here, and mounting is allowed but for the profile."""
    script = "echo h >/proc/sysrq-trigger; echo 1 >/proc/sys/kernel/panic; mount -t tmpfs none /tmp"
    options = ("--cap-add", "SYS_ADMIN", "--security-opt", "systempaths=unconfined")
    said = client.run("run", "--rm", *options, "busybox", "sh", "-c", f"mkdir -p /tmp; {script}")
    assert said.err.lower().count("permission denied") == 3


def test_no_algorithm_socket_is_to_be_had_in_any_way(client: Client) -> None:
    """CVE-2026-31431: with the default filter, and without any."""
    program = ("-v", f"{compiled(Path(__file__).with_name('algorithm_socket.c'))}:/ask:ro", "busybox", "/ask")
    refused = {"Operation not permitted", "Permission denied"}
    for options in ((), ("--security-opt", "seccomp=unconfined")):
        assert set(client("run", "--rm", *options, *program).split(", ")) <= refused
    free = client(
        "run", "--rm", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", *program
    )
    assert free != "Permission denied, Permission denied"


def test_unconfined_is_unconfined(client: Client) -> None:
    assert client("run", "--rm", "--privileged", "busybox", *CURRENT).splitlines() == ["unconfined"] * 2
    script = "mkdir -p /tmp && mount -t tmpfs none /tmp && cat /proc/1/attr/current"
    options = ("--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined")
    assert client("run", "--rm", *options, "busybox", "sh", "-c", script) == "unconfined"


def test_an_unknown_profile_is_one_sentence(client: Client) -> None:
    said = client.run("run", "--rm", "--security-opt", "apparmor=unheard-of", "busybox", "true")
    assert said.status == 127
    assert "apparmor failed to apply profile unheard-of: no such file or directory" in said.err
    assert "Traceback" not in said.err
