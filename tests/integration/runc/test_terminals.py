"""Terminals: the master arrives on the console socket, the program sees a real one."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

from tests.integration.runc.conftest import Machine


def terminal(spec: dict[str, Any]) -> None:
    spec["process"] |= {"terminal": True, "consoleSize": {"height": 33, "width": 77}}


def receive_master(server: socket.socket) -> int:
    connection, _ = server.accept()
    with connection:
        _, descriptors, _, _ = socket.recv_fds(connection, 100, 1)
    return descriptors[0]


def read_until(master: int, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data:
        data += os.read(master, 4096)
    return data


def console(folder: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.settimeout(30)
    server.bind(str(folder / "console"))
    server.listen()
    return server


def test_create_sends_the_master_and_mounts_the_console(machine: Machine) -> None:
    bundle = machine.bundle("sh", "-c", "tty; busybox stty size; ls -l /dev/console; read x; echo $x", change=terminal)
    with console(machine.folder) as server:
        machine.ok("create", "--console-socket", str(machine.folder / "console"), "--bundle", str(bundle), "c1")
        master = receive_master(server)
    machine.ok("start", "c1")
    text = read_until(master, b"/dev/console").decode()
    assert text.splitlines()[:2] == ["/dev/pts/0", "33 77"]
    assert "136,   0" in text
    os.write(master, b"typed\n")
    assert b"typed\r\ntyped" in read_until(master, b"typed\r\ntyped")
    os.close(master)


def test_exec_sends_a_master_of_the_containers_own_devpts(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    with console(machine.folder) as server:
        machine.ok("exec", "-d", "-t", "--console-socket", str(machine.folder / "console"), container, "tty")
        master = receive_master(server)
    assert b"/dev/pts/0" in read_until(master, b"\n")
    os.close(master)


def test_run_shows_a_terminal_in_the_foreground(machine: Machine) -> None:
    bundle = machine.bundle("sh", "-c", "tty; exit 3", change=terminal)
    done = subprocess.run(
        machine.runc_argv("run", "--bundle", str(bundle), "c1"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (3, b"/dev/pts/0\r\n")


def test_a_terminal_without_socket_is_refused_when_detached(machine: Machine) -> None:
    bundle = machine.bundle("true", change=terminal)
    done = machine.runc("create", "--bundle", str(bundle), "c1")
    assert "cannot allocate tty if runc will detach without setting console socket" in done.stderr
