"""Terminals: the master arrives on the console socket, the program sees a real one. Session keyrings."""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any

import pytest

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
        chunk = os.read(master, 4096)
        assert chunk, f"the end came before {wanted!r}: {data!r}"
        data += chunk
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


def test_exec_follows_the_size_that_its_document_gives(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    document = machine.folder / "process.json"
    size = {"height": 12, "width": 34}
    args = ["sh", "-c", "busybox stty size; tty; id -u; ls -ln $(tty)"]
    process = {"terminal": True, "consoleSize": size, "args": args, "cwd": "/", "env": ["PATH=/bin"]}
    document.write_text(json.dumps(process | {"user": {"uid": 1000, "gid": 1000}}))
    with console(machine.folder) as server:
        words = ("--console-socket", str(machine.folder / "console"), "--process", str(document))
        machine.ok("exec", "-d", *words, container)
        master = receive_master(server)
    words = read_until(master, b"136,").decode().split()
    assert words[:4] == ["12", "34", "/dev/pts/0", "1000"]
    assert words[6] == "1000"  # the terminal belongs to the user
    os.close(master)


def test_the_terminal_of_run_follows_the_size_of_ours(machine: Machine) -> None:
    script = "trap 'busybox stty size; exit' WINCH; busybox stty size; echo ready; while true; do sleep 0.05; done"
    bundle = machine.bundle("sh", "-c", script, change=lambda spec: spec["process"].update(terminal=True))
    ours, theirs = os.openpty()
    try:
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("=HHHH", 21, 43, 0, 0))
        argv = machine.runc_argv("run", "--bundle", str(bundle), "c1")
        process = subprocess.Popen(argv, stdin=theirs, stdout=subprocess.PIPE, start_new_session=True)
        assert process.stdout is not None
        assert read_until(process.stdout.fileno(), b"ready\r\n").startswith(b"21 43\r\n")
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("=HHHH", 22, 44, 0, 0))
        process.send_signal(signal.SIGWINCH)  # the kernel tells only the group in front of a controlling terminal
        assert process.communicate(timeout=30)[0] == b"22 44\r\n"
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_terminal_of_exec_has_the_size_of_ours_from_the_start(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    ours, theirs = os.openpty()
    try:
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("=HHHH", 21, 43, 0, 0))
        assert machine.ok("exec", "-t", container, "busybox", "stty", "size", stdin=theirs) == "21 43\n"
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("-t", "-d"), "cannot allocate tty if runc will detach without setting console socket"),
        (("-t", "--console-socket", "/x"), "cannot use console socket if runc will not detach or allocate tty"),
        (("-d", "--console-socket", "/x"), "cannot use console socket if runc will not detach or allocate tty"),
        (("-t", "-d", "--console-socket", "/nope"), "dial unix /nope: connect: no such file or directory"),
    ],
    ids=["no socket", "not detached", "no terminal", "nobody listens"],
)
def test_terminals_that_cannot_be(machine: Machine, words: tuple[str, ...], reason: str) -> None:
    container = machine.started("sleep", "100")
    done = machine.runc("exec", *words, container, "true")
    assert done.returncode == 255
    assert reason in done.stderr


# Keyrings.


def keys(machine: Machine, *words: str) -> str:
    """The keys that a container's program may view."""

    def unmasked(spec: dict[str, Any]) -> None:
        spec["linux"]["maskedPaths"] = []
        spec["process"]["args"] = ["cat", "/proc/keys"]

    bundle = machine.bundle("cat", "/proc/keys", change=unmasked)
    return machine.ok("run", *words, "--bundle", str(bundle), f"with-{bundle.name}")


def test_a_session_keyring_of_its_own_named_after_the_container(machine: Machine) -> None:
    assert "_ses.with-bundle1: empty" in keys(machine)
    assert "_ses.with-bundle2" not in keys(machine, "--no-new-keyring")


def test_exec_finds_the_containers_keyring(machine: Machine) -> None:
    container = machine.started("sleep", "100", change=lambda spec: spec["linux"].update(maskedPaths=[]))
    assert f"_ses.{container}: empty" in machine.ok("exec", container, "cat", "/proc/keys")
    bundle = machine.bundle("sleep", "100", change=lambda spec: spec["linux"].update(maskedPaths=[]))
    machine.ok_detached("create", "--no-new-keyring", "--bundle", str(bundle), "plain")
    machine.ok("start", "plain")
    assert "_ses.plain" not in machine.ok("exec", "plain", "cat", "/proc/keys")
