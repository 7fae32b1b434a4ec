"""At a terminal: raw mode, sizes, detach keys, signals, half-closed streams. Both clients on ours, and the original."""

import hashlib
import random
import subprocess
import time

import pytest

from tests.support import docker
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.support.waiting import wait_until
from tests.system.terminal import DETACH_KEYS, Terminal


@pytest.mark.by_path
def test_a_shell_at_a_terminal(any_engine: Docker) -> None:
    with Terminal(any_engine, "run", "-it", "--rm", "busybox", "sh") as terminal:
        terminal.wait_for("# ")
        terminal.type("tty; echo $TERM; echo sum=$((20+3))\n")
        assert "/dev/pts/0" in (got := terminal.wait_for("sum=23\r\n"))
        assert "xterm" in got
        terminal.type("exit 5\n")
        _, status = terminal.end()
    assert status == 5


@pytest.mark.by_path
def test_the_window_s_size_arrives_and_follows(any_engine: Docker) -> None:
    with Terminal(any_engine, "run", "-it", "--rm", "busybox", "sh", rows=33, columns=101) as terminal:
        terminal.wait_for("# ")
        wait_until(lambda: _size(terminal) == "33 101", "the first size to arrive")
        # Docker's client does not hear of a change while it tells of the first size: the window is dragged.
        wait_until(lambda: _size_after_a_drag(terminal, 44, 132) == "44 132", "the new size to arrive")
        terminal.type("exit\n")
        assert terminal.end()[1] == 0


def _size_after_a_drag(terminal: Terminal, rows: int, columns: int) -> str:
    terminal.resize(rows, columns)
    return _size(terminal)


def _size(terminal: Terminal) -> str:
    terminal.type("echo size $(stty size) end\n")
    terminal.wait_for("\r\nsize ")
    return terminal.wait_for(" end").removesuffix(" end")


@pytest.mark.by_path
def test_detach_keys_leave_it_running_and_the_terminal_as_it_was(any_engine: Docker) -> None:
    with Terminal(any_engine, "run", "-it", "--name", "box", "busybox", "sh") as terminal:
        before = terminal.settings()
        terminal.wait_for("# ")
        assert terminal.settings() != before, "the client did not put the terminal into raw mode"
        terminal.type(DETACH_KEYS)
        terminal.end()
        assert terminal.settings() == before
    assert any_engine("inspect", "-f", "{{.State.Running}}", "box") == "true"
    with Terminal(any_engine, "attach", "box") as terminal:
        terminal.type("echo back=$((1+1))\n")
        terminal.wait_for("back=2\r\n")
        terminal.type("exit 6\n")
        assert terminal.end()[1] == 6


def test_detach_keys_of_one_s_own(any_engine: Docker) -> None:
    with Terminal(any_engine, "run", "-it", "--name", "box", "--detach-keys", "ctrl-e,x", "busybox", "sh") as terminal:
        terminal.wait_for("# ")
        terminal.type("\x05x")
        terminal.end()
    assert any_engine("inspect", "-f", "{{.State.Running}}", "box") == "true"


def test_exec_at_a_terminal(any_engine: Docker) -> None:
    any_engine("run", "-d", "--name", "box", "busybox", "sleep", "60")
    with Terminal(any_engine, "exec", "-it", "box", "sh") as terminal:
        terminal.wait_for("# ")
        terminal.type("test -t 0 && echo is=$((3*3))\n")
        terminal.wait_for("is=9\r\n")
        terminal.type("exit 7\n")
        assert terminal.end()[1] == 7


def test_ctrl_c_reaches_the_program(any_engine: Docker) -> None:
    script = "trap 'echo caught it; exit 9' INT; echo ready; while :; do sleep 0.1; done"
    with Terminal(any_engine, "run", "-it", "--rm", "busybox", "sh", "-c", script) as terminal:
        terminal.wait_for("ready\r\n")
        terminal.type("\x03")
        terminal.wait_for("caught it\r\n")
        assert terminal.end()[1] == 9


def test_without_a_terminal_it_refuses_t(any_engine: Docker) -> None:
    result = any_engine.run("run", "-it", "--rm", "busybox", "true")
    assert (result.status, "the input device is not a TTY" in result.err) == (1, True)


def test_a_stream_closed_on_one_side_flows_on_the_other(any_engine: Docker) -> None:
    process = any_engine.popen("run", "-i", "--rm", "busybox", "sh", "-c", "cat; sleep 0.5; echo after the end")
    out, _ = process.communicate(b"x\n", timeout=30)
    assert (out, process.returncode) == (b"x\nafter the end\n", 0)


def test_a_signal_to_the_client_reaches_the_program(any_engine: Docker) -> None:
    script = "trap 'echo got it; exit 8' TERM; echo ready; while :; do sleep 0.1; done"
    process = any_engine.popen("run", "--rm", "busybox", "sh", "-c", script, stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    out, _ = process.communicate(timeout=30)
    assert (out, process.returncode) == (b"got it\n", 8)


def test_output_comes_while_the_program_runs(any_engine: Docker) -> None:
    process = any_engine.popen("run", "-i", "--rm", "busybox", "sh", "-c", "while read l; do echo got $l; done")
    assert process.stdin is not None
    assert process.stdout is not None
    for word in (b"one", b"two"):
        process.stdin.write(word + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"got " + word + b"\n"
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()


A_LONG_PAUSE = 16.0  # longer than the engine waits for anything when a process has ended


@pytest.mark.matrix
def test_who_reads_late_still_gets_everything(ours: OurEngine, original: OriginalEngine) -> None:
    """A pager, say: the program has ended long before its output is read."""
    size = 5_000_000
    clients = [docker.ours(ours.host), docker.theirs(ours.host), docker.theirs(original.host)]
    for client in (clients[0], clients[2]):
        client("run", "-d", "--name", "box", "busybox", "sleep", "60")
    much = ("head", "-c", str(size), "/dev/zero")
    commands = (("run", "--rm", "busybox", *much), ("exec", "box", *much))
    processes = [(one, one.popen(*each, stdin=subprocess.DEVNULL)) for one in clients for each in commands]
    time.sleep(A_LONG_PAUSE)  # the pause is what is tested
    for client, process in processes:
        out, _ = process.communicate(timeout=30)
        assert (len(out), process.returncode) == (size, 0), client
    for client in (clients[0], clients[2]):
        client("rm", "-f", "box")


def test_who_is_attached_and_does_not_read_holds_no_container_that_has_ended(ours: OurEngine) -> None:
    """It has ended, all of it is in the log, and who reads at last has all of it. Ours: there it would not end."""
    client = docker.theirs(ours.host)
    script = "until test -e /go; do sleep 0.1; done; seq 1000000"
    client("run", "-d", "--name", "box", "busybox", "sh", "-c", script)
    attached = client.popen("attach", "--no-stdin", "box", stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: "attach" in client("events", "--since", "5m", "--until", "0s"), "the client to be attached")
        client("exec", "box", "touch", "/go")
        status = "{{.State.Status}} {{.State.ExitCode}}"
        wait_until(lambda: client("inspect", "-f", status, "box") == "exited 0", "the container to have ended", 20)
        expected = "".join(f"{number}\n" for number in range(1, 1_000_001))
        assert client.run("logs", "box").ok().out == expected
        out, _ = attached.communicate(timeout=30)
        assert (out, attached.returncode) == (expected.encode(), 0)
    finally:
        attached.kill()
        client("rm", "-f", "box")


def test_binary_streams_both_ways_lose_nothing(any_engine: Docker) -> None:
    """By way of the log, whose lines they break in every odd way."""
    data = random.Random(1).randbytes(8_000_000)
    process = any_engine.popen("run", "-i", "--rm", "busybox", "cat")
    out, _ = process.communicate(data, timeout=100)
    assert (hashlib.sha256(out).digest(), process.returncode) == (hashlib.sha256(data).digest(), 0)


def test_a_reader_that_goes_away_is_told_in_one_sentence(any_engine: Docker) -> None:
    """`docker run ... | head -1`: who forwards signals to the program does not end by the pipe's own."""
    process = any_engine.popen("run", "--rm", "--name", "box", "busybox", "yes", stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(30)) == (b"write /dev/stdout: broken pipe\n", 1)
    process.stderr.close()
    any_engine("rm", "-f", "box")
