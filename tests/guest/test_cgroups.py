"""Containers under cgroup v2, beside systemd."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.guest.client import Client

pytestmark = pytest.mark.vm

LIMITS = {"memory.max": "67108864", "cpu.max": "50000 100000", "pids.max": "42"}


def test_limits_are_in_the_files_of_v2(group: Path) -> None:
    assert {name: (group / name).read_text().strip() for name in LIMITS} == LIMITS


def test_a_container_sees_its_own_group_as_the_root_and_cannot_write_there(client: Client, limited: str) -> None:
    script = "cat /proc/self/cgroup /sys/fs/cgroup/memory.max; mkdir /sys/fs/cgroup/below 2>&1"
    said = client.run("exec", limited, "sh", "-c", script)
    assert said.out.splitlines()[:2] == ["0::/", LIMITS["memory.max"]]
    assert "Read-only file system" in said.out


def test_stats_read_them(client: Client, limited: str) -> None:
    used, _, limit = client("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", limited).partition(" / ")
    assert used.endswith("iB")
    assert limit == "64MiB 1"


def test_pause_freezes(client: Client, limited: str, group: Path) -> None:
    client("pause", limited)
    assert "frozen 1" in (group / "cgroup.events").read_text()
    client("unpause", limited)
    assert "frozen 0" in (group / "cgroup.events").read_text()


def test_systemd_leaves_the_group_alone(group: Path) -> None:
    """It would take back controllers that its units do not need, unless groups of others use them."""
    before = (group / "cgroup.procs").read_text()
    subprocess.run(["systemd-run", "-q", "--wait", "-p", "CPUWeight=50", "-p", "MemoryMax=100M", "true"], check=True)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert (group / "cgroup.procs").read_text() == before
    assert {name: (group / name).read_text().strip() for name in LIMITS} == LIMITS


def test_devices_are_refused_by_a_program_of_the_kernel(client: Client) -> None:
    """Of the guest's own disk: reading it needs no capability, only the device filter keeps it from root."""
    disk = os.stat("/dev/vda").st_rdev
    major, minor = os.major(disk), os.minor(disk)
    script = f"mknod /disk b {major} {minor}; head -c 1 /disk | wc -c; (: >>/disk); : </dev/null && echo yes"
    refused = client.run("run", "--rm", "busybox", "sh", "-c", script)
    assert refused.out.split() == ["0", "yes"]
    assert refused.err.count("Operation not permitted") == 2
    rule = ("--device-cgroup-rule", f"b {major}:{minor} mr")
    allowed = client.run("run", "--rm", *rule, "busybox", "sh", "-c", script)
    assert allowed.out.split() == ["1", "yes"]
    assert allowed.err.count("Operation not permitted") == 1


def test_the_kernel_s_killing_for_memory_is_told(client: Client) -> None:
    container = client("create", "-m", "16m", "busybox", "tail", "/dev/zero")
    assert client.run("start", "-a", container).status == 137
    assert client("inspect", "-f", "{{.State.OOMKilled}}", container) == "true"
    client("rm", container)


def test_a_relative_parent_lies_beside_our_own_group(client: Client) -> None:
    """A group that holds processes, as a service's does, cannot have limited groups below it."""
    own = Path("/proc/self/cgroup").read_text().strip().removeprefix("0::")
    options = ("--cgroupns", "host", "--cgroup-parent", "relative")
    said = client("run", "--rm", *options, "busybox", "cat", "/proc/1/cgroup")
    assert said.startswith(f"0::{Path(own).parent}/relative/")
    (Path("/sys/fs/cgroup") / Path(own).parent.relative_to("/") / "relative").rmdir()


def test_stop_takes_the_group_away(client: Client) -> None:
    container = client("run", "-d", "--cgroup-parent", "/guest", "busybox", "sleep", "1000")
    group = Path("/sys/fs/cgroup/guest", container)
    assert group.is_dir()
    client("stop", "-t", "0", container)
    assert not group.exists()
    client("rm", container)
    group.parent.rmdir()
