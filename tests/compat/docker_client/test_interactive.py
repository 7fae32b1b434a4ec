"""Terminals, pipes and signals: each test by our client and by Docker's own, on the original daemon."""

import os
import signal
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.compat.docker_client.terminal import Terminal
from tests.support import docker, images
from tests.support.docker import Docker
from tests.support.peers import OriginalEngine
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]

DETACH = b"\x10\x11"


@pytest.fixture(scope="module")
def busybox(original_engine: OriginalEngine) -> Iterator[str]:
    """The image's name. Containers whose client went away run on: with them the engine's end would take ten seconds."""
    client = docker.theirs(original_engine.host)
    client("load", "-i", str(images.busybox()))
    yield "busybox"
    client.remove_all_containers()


@pytest.fixture(params=["ours", "theirs"])
def client(request: pytest.FixtureRequest, original_engine: OriginalEngine, busybox: str) -> Docker:
    make = docker.ours if request.param == "ours" else docker.theirs
    return make(original_engine.host)


@pytest.fixture
def name(original_engine: OriginalEngine) -> Iterator[str]:
    """A container's name, free again afterwards."""
    name = f"c{uuid.uuid4().hex[:12]}"
    yield name
    docker.theirs(original_engine.host).run("rm", "-f", name)


def terminal(client: Docker, *arguments: str, rows: int = 24, columns: int = 80) -> Terminal:
    return Terminal(client.argv(*arguments), client.env(), rows=rows, columns=columns)


def test_a_shell_on_a_terminal_takes_what_is_typed_and_gives_its_status(client: Docker) -> None:
    with terminal(client, "run", "-it", "--rm", "busybox", "sh") as person:
        person.expect("# ")
        person.type("echo one$((1+1))\n")
        person.expect("one2")
        person.type("exit 3\n")
        assert person.end() == 3
        assert person.mode() == person.mode_before


def test_the_container_has_the_size_of_our_terminal_and_follows_it(client: Docker) -> None:
    with terminal(client, "run", "-it", "--rm", "busybox", "sh", rows=33, columns=101) as person:
        person.expect("# ")
        wait_until_size(person, "33 101")
        wait_until_size(person, "40 120", dragged_to=(40, 120))
        person.type("exit\n")
        assert person.end() == 0


def wait_until_size(person: Terminal, size: str, *, dragged_to: tuple[int, int] | None = None) -> None:
    """Docker's client does not hear of a change while it tells of the first size: so the window is dragged.

    The shell writes the line being typed anew at each change: only the program's answer can be waited for.
    """

    def is_size() -> bool:
        if dragged_to is not None:
            person.resize(*dragged_to)
        person.type("stty size; echo en$((0))d\n")
        return f"{size}\r\n" in person.expect("en0d")

    wait_until(is_size, f"a terminal of {size}")


def test_the_detach_keys_leave_the_container_running(client: Docker, name: str) -> None:
    with terminal(client, "run", "-it", "--name", name, "busybox", "sh") as person:
        person.expect("# ")
        person.type(DETACH)
        assert person.end() == 0
        assert person.mode() == person.mode_before
    assert client("inspect", "-f", "{{.State.Running}}", name) == "true"
    with terminal(client, "attach", name) as person:
        person.type("echo ag$((1+1))in\n")
        person.expect("ag2in")
        person.type(DETACH)
        assert person.end() == 1
        assert "read escape sequence" in person.shown


def test_other_detach_keys(client: Docker, name: str) -> None:
    with terminal(client, "run", "-it", "--detach-keys", "ctrl-a,x", "--name", name, "busybox", "sh") as person:
        person.expect("# ")
        person.type(b"\x01x")
        assert person.end() == 0
    assert client("inspect", "-f", "{{.State.Running}}", name) == "true"


def test_exec_on_a_terminal(client: Docker, name: str) -> None:
    client("run", "-d", "--name", name, "busybox", "sleep", "1000")
    with terminal(client, "exec", "-it", name, "sh", rows=30, columns=90) as person:
        person.expect("# ")
        wait_until_size(person, "30 90")
        person.type("exit 5\n")
        assert person.end() == 5


def test_a_pipe_ends_where_our_input_ends(client: Docker) -> None:
    done = client.run("run", "-i", "--rm", "busybox", "cat", stdin="one\ntwo\n")
    assert (done.status, done.out) == (0, "one\ntwo\n")


def test_megabytes_go_through_both_ways_at_once(client: Docker) -> None:
    data = os.urandom(1 << 20).hex()
    assert client.run("run", "-i", "--rm", "busybox", "cat", stdin=data).out == data


def test_a_pipe_into_exec(client: Docker, name: str) -> None:
    client("run", "-d", "--name", name, "busybox", "sleep", "1000")
    done = client.run("exec", "-i", name, "sh", "-c", "cat; echo err >&2; exit 4", stdin="in")
    assert (done.status, done.out, done.err) == (4, "in", "err\n")


def test_signals_reach_the_program(client: Docker, name: str) -> None:
    script = "trap 'echo got; exit 7' TERM; echo ready; while :; do sleep 0.1; done"
    with client.popen("run", "--name", name, "busybox", "sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"got\n"
        assert process.wait(20) == 7


def test_a_killed_program_is_137(client: Docker, name: str) -> None:
    with client.popen("run", "--name", name, "busybox", "sh", "-c", "echo ready; sleep 1000") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        client("kill", name)
        assert process.wait(20) == 137


def test_start_attached_again(client: Docker, name: str) -> None:
    client("create", "-i", "--name", name, "busybox", "sh", "-c", "cat; exit 6")
    for words in ("one", "two"):
        done = client.run("start", "-ai", name, stdin=words)
        assert (done.status, done.out) == (6, words)


def test_logs_follow_until_the_end(client: Docker, name: str) -> None:
    client("run", "-d", "--name", name, "busybox", "sh", "-c", "echo a; sleep 0.5; echo b >&2; echo c")
    done = client.run("logs", "-f", name)
    assert (done.status, done.out, done.err) == (0, "a\nc\n", "b\n")


def test_a_reader_that_goes_away_ends_us(client: Docker) -> None:
    command = " ".join([*client.argv("run", "--rm", "busybox", "yes"), "| head -1"])
    done = subprocess.run(["bash", "-c", command], env=client.env(), capture_output=True, timeout=60, check=False)
    assert done.stdout == b"y\n"


def test_wait_tells_the_status(client: Docker, name: str) -> None:
    client("run", "-d", "--name", name, "busybox", "sh", "-c", "exit 9")
    assert client("wait", name) == "9"
