"""`run` and `exec` that stay: what they copy, whom they collect, and what becomes of a container if a stream fails."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runc.conftest import PRIVATE_MOUNTS, Machine
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root


def terminal(spec: dict[str, Any]) -> None:
    spec["process"]["terminal"] = True


def started(machine: Machine, *words: str, **options: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*PRIVATE_MOUNTS, *machine.runc_argv(*words)], **options)


def test_output_that_nobody_reads_any_more_is_no_end_of_the_container(machine: Machine) -> None:
    """As in `runc run | head -1`. It was left behind, with its state and its groups, and nobody waited for it."""
    script = "echo one; read x; i=0; while [ $i -lt 5000 ]; do echo more; i=$((i+1)); done; exit 3"
    bundle = machine.bundle("sh", "-c", script, change=terminal)
    pipe = subprocess.PIPE
    with started(machine, "run", "--bundle", str(bundle), "c1", stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"one\r\n"
        process.stdout.close()
        process.stdin.write(b"go\n")
        process.stdin.close()
        assert process.wait(30) == 3
    assert machine.containers() == []
    assert machine.groups() == []


def test_a_program_that_does_not_read_can_write_on(machine: Machine) -> None:
    """A terminal holds some kilobytes: we must not wait for one direction while the other is full."""
    lines = b"".join(b"%060d\n" % number for number in range(4000))
    bundle = machine.bundle("busybox", "tee", "/copy", change=terminal)
    done = machine.runc("run", "--bundle", str(bundle), "c1", input=(lines + b"\x04").decode(), stdin=None, timeout=60)
    assert done.returncode == 0, done.stderr
    # On the terminal echoes come in between, and some may be lost when it is full (n_tty).
    assert (bundle / "rootfs/copy").read_bytes() == lines


def test_orphans_of_a_container_with_the_host_s_processes_are_collected(machine: Machine) -> None:
    """They become ours, and were zombies that counted among its processes until its end."""

    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["namespaces"].remove({"type": "pid"})

    script = "sh -c 'sh -c \"echo \\$\\$ >/orphan.new; busybox mv /orphan.new /orphan\" &'; read x; exit 4"
    bundle = machine.bundle("sh", "-c", script, change=change)
    with started(machine, "run", "--bundle", str(bundle), "c1", stdin=subprocess.PIPE) as process:
        orphan = bundle / "rootfs/orphan"
        wait_until(orphan.exists, "the orphan to be there")
        pid = orphan.read_text().strip()
        wait_until(lambda: not Path("/proc", pid).exists(), "the orphan to be gone")
        assert process.stdin is not None
        process.stdin.write(b"x\n")
        process.stdin.close()
    assert process.returncode == 4


def test_hooks_after_the_end_are_waited_for_by_who_starts_them(machine: Machine) -> None:
    """Not taken for orphans. Ten of them, as it was a race."""
    hook = {"path": "/bin/sh", "args": ["sh", "-c", "exit 0"], "timeout": 30}
    bundle = machine.bundle("true", change=lambda spec: spec.update(hooks={"poststop": [hook] * 10}))
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_service_manager_that_is_gone_ends_nothing(machine: Machine) -> None:
    """The word that the container is ready reaches nobody: that is no reason to leave it."""
    environment = os.environ | {"NOTIFY_SOCKET": str(machine.folder / "nobody")}
    bundle = machine.bundle("sh", "-c", "echo ready; read x; exit 5")
    pipe = subprocess.PIPE
    words = ("run", "--bundle", str(bundle), "c1")
    with started(machine, *words, stdin=pipe, stdout=pipe, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (place,) = (machine.root / "c1").rglob("notify.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as program:
            program.sendto(b"READY=1", str(place))
        process.stdin.write(b"x\n")
        process.stdin.close()
        assert process.wait(30) == 5
    assert machine.containers() == []
