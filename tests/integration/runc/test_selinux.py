"""Labels of SELinux: in the guest, booted with it and a policy that allows everything (selinux.cil)."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runc.conftest import Machine

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.selinux]

PROCESS = "u:r:box_t"
FILE = "u:r:box_file_t"


def labelled(spec: dict[str, Any]) -> None:
    spec["process"]["selinuxLabel"] = PROCESS
    spec["linux"]["mountLabel"] = FILE
    spec["mounts"].append({"destination": "/kept", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m"]})
    spec["mounts"].append(
        {"destination": "/long", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m,nr_inodes=9"]}
    )


def test_init_and_what_joins_have_the_label_of_the_process(machine: Machine) -> None:
    container = machine.started("sleep", "1000", change=labelled)
    pid = machine.state(container)["pid"]
    assert Path(f"/proc/{pid}/attr/current").read_text().rstrip("\0\n") == PROCESS
    assert machine.ok("exec", container, "cat", "/proc/self/attr/current").rstrip("\0\n") == PROCESS
    other = machine.ok("exec", "--process-label", "u:r:machine_t", container, "cat", "/proc/self/attr/current")
    assert other.rstrip("\0\n") == "u:r:machine_t"


def test_what_is_mounted_has_the_label_of_mounts(machine: Machine) -> None:
    container = machine.started("sleep", "1000", change=labelled)
    root = f"/proc/{machine.state(container)['pid']}/root"
    for path in ("/kept", "/long", "/dev", "/dev/shm", "/dev/pts", "/dev/mqueue", "/sys/firmware"):
        assert os.getxattr(f"{root}{path}", "security.selinux").rstrip(b"\0").decode() == FILE, path
    assert os.getxattr(f"{root}/proc/version", "security.selinux").rstrip(b"\0").decode() != FILE


def test_a_label_that_the_policy_does_not_know_is_refused(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["process"]["selinuxLabel"] = "u:r:nobody_t"

    done = machine.run("true", change=change)
    assert done.returncode == 1
    assert "label u:r:nobody_t: invalid argument" in done.stderr
    assert machine.groups() == []
