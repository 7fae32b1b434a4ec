"""Clients that go away, stay silent or fail, many times over: the engine serves everyone else and keeps nothing."""

import gzip
import http.client
import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support import docker, images, processes
from tests.support.engine import OurEngine
from tests.support.waiting import wait_until

ROUNDS = 100  # every leak here was one descriptor per round
SLACK = 12  # what pools and caches may hold
SILENT = 24  # more than the threads that serve everyone


@pytest.fixture(scope="module")
def engine(our_engine: OurEngine, busybox_archive: Path) -> OurEngine:
    docker.theirs(our_engine.host)("load", "-i", str(busybox_archive))
    return our_engine


@pytest.fixture(scope="module")
def box(engine: OurEngine) -> Iterator[str]:
    client = docker.theirs(engine.host)
    container = client("run", "-d", "busybox", "sleep", "1000")
    yield container
    client("rm", "-f", container)


def connect(engine: OurEngine, method: str, path: str, *, length: int = 0, upgrade: bool = False) -> socket.socket:
    """A connection on which the head of a request was sent, and nothing of its body."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(engine.host.removeprefix("unix://"))
    lines = [f"{method} /v1.51{path} HTTP/1.1", "Host: engine", f"Content-Length: {length}"]
    lines += ["Connection: Upgrade", "Upgrade: tcp"] if upgrade else []
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def descriptors(engine: OurEngine) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in (engine.pid, engine.containerd_pid))


def assert_nothing_is_kept(engine: OurEngine, attack: Callable[[], None]) -> None:
    before = descriptors(engine)
    attack()
    wait_until(lambda: descriptors(engine) <= before + SLACK, f"descriptors to be {before} again", 15)


@pytest.mark.parametrize("target", ["events", "attach", "logs", "wait", "stats"])
def test_readers_that_go_away(engine: OurEngine, box: str, target: str) -> None:
    """CVE-2025-64329, CVE-2022-23471 and their like."""
    method, path, upgrade = {
        "events": ("GET", "/events", False),
        "attach": ("POST", f"/containers/{box}/attach?stream=1&stdin=1&stdout=1", True),
        "logs": ("GET", f"/containers/{box}/logs?follow=1&stdout=1", False),
        "wait": ("POST", f"/containers/{box}/wait", False),
        "stats": ("GET", f"/containers/{box}/stats", False),
    }[target]

    def attack() -> None:
        for number in range(ROUNDS):
            with connect(engine, method, path, upgrade=upgrade) as connection:
                if number % 10 == 0:
                    connection.recv(100)

    assert_nothing_is_kept(engine, attack)


@pytest.mark.parametrize("path", ["/images/load", "/images/create?fromSrc=-&repo=attack"])
def test_an_archive_that_breaks_off_is_answered(engine: OurEngine, path: str) -> None:
    """The transfer waited for the rest of it for ever."""
    with connect(engine, "POST", path, length=100_000) as connection:
        connection.sendall(b"x" * 10)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("path", ["/images/load", "/images/create?fromSrc=-&repo=attack"])
def test_archives_that_break_off_leave_nothing(engine: OurEngine, path: str) -> None:
    def attack() -> None:
        for _ in range(ROUNDS // 3):
            with connect(engine, "POST", path, length=100_000) as connection:
                connection.sendall(b"x" * 10)

    assert_nothing_is_kept(engine, attack)


@pytest.mark.parametrize("path", ["/images/load", "/images/create?fromSrc=-&repo=attack"])
def test_clients_that_say_nothing_hold_nobody_up(engine: OurEngine, path: str) -> None:
    """Each held one of the threads that serve everyone: eight of them stopped the engine."""
    with ExitStack() as silent:
        for _ in range(SILENT):
            silent.enter_context(connect(engine, "POST", path, length=100_000)).sendall(b"x" * 10)
        assert docker.theirs(engine.host)("run", "--rm", "busybox", "echo", "served", timeout=20) == "served"


def test_starts_that_fail_and_containers_that_end_leave_nothing(engine: OurEngine) -> None:
    """Every start left its log open: the disk that removed logs took was never free again."""
    client = docker.theirs(engine.host)

    def attack() -> None:
        for _ in range(SLACK + 5):
            client("run", "--rm", "busybox", "true")
            assert client.run("run", "--rm", "busybox", "/nosuch").status == 127

    before = descriptors(engine)
    attack()
    wait_until(lambda: descriptors(engine) < before + SLACK, f"descriptors to be {before} again", 15)
    assert not [path for path in processes.open_files(engine.pid) if path.endswith("(deleted)")]


def test_execs_that_fail_leave_nothing(engine: OurEngine, box: str) -> None:
    client = docker.theirs(engine.host)

    def attack() -> None:
        for _ in range(SLACK + 5):
            assert client.run("exec", box, "/nosuch").status == 127

    assert_nothing_is_kept(engine, attack)


def ask(connection: http.client.HTTPConnection, method: str, path: str, document: object = None) -> tuple[int, Any]:
    body = None if document is None else json.dumps(document)
    connection.request(method, f"/v1.51{path}", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or b"{}")


@pytest.fixture
def connection(engine: OurEngine) -> Iterator[http.client.HTTPConnection]:
    """One that is there already needs no descriptor of dockerd."""
    with closing(http.client.HTTPConnection("engine")) as made:
        made.sock = socket.socket(socket.AF_UNIX)
        made.sock.settimeout(20)
        made.sock.connect(engine.host.removeprefix("unix://"))
        yield made


@contextmanager
def descriptors_left(engine: OurEngine, free: int) -> Iterator[None]:
    """dockerd can open `free` more."""
    used = {int(number) for number in os.listdir(f"/proc/{engine.pid}/fd")}
    limit = [number for number in range(len(used) + free + 1) if number not in used][free]
    before = resource.prlimit(engine.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, before)


def fifos(engine: OurEngine, container: str) -> set[str]:
    return set(os.listdir(f"{engine.folder}/run/containers/{container}"))


def test_an_exec_without_descriptors_is_refused_in_words(
    engine: OurEngine, box: str, connection: http.client.HTTPConnection
) -> None:
    """It was an internal error, and the exec had neither ended nor been started."""
    before, kept = descriptors(engine), fifos(engine, box)
    streams = dict.fromkeys(("AttachStdin", "AttachStdout", "AttachStderr"), True)
    for free in range(3):
        _, made = ask(connection, "POST", f"/containers/{box}/exec", {"Cmd": ["true"], **streams})
        with descriptors_left(engine, free):
            status, said = ask(connection, "POST", f"/exec/{made['Id']}/start", {"Detach": True})
        assert status == 500
        assert said["message"].startswith("failed to open the exec's streams: ")
        assert said["message"].endswith(": too many open files")
        _, found = ask(connection, "GET", f"/exec/{made['Id']}/json")
        assert (found["Running"], found["ExitCode"]) == (False, 128)
    assert fifos(engine, box) == kept
    wait_until(lambda: descriptors(engine) <= before + SLACK, f"descriptors to be {before} again", 15)


def test_a_start_without_descriptors_is_refused_in_words(
    engine: OurEngine, connection: http.client.HTTPConnection
) -> None:
    """It was an internal error, and its container's state did not tell of it. With --rm it goes, or is dead."""
    for free in range(6):
        removes = {"AutoRemove": free % 2 == 1}
        _, made = ask(connection, "POST", "/containers/create", {"Image": "busybox", "HostConfig": removes})
        with descriptors_left(engine, free):
            status, said = ask(connection, "POST", f"/containers/{made['Id']}/start")
        assert status in (400, 500)
        assert said["message"].lower().endswith(": too many open files")
        there, found = ask(connection, "GET", f"/containers/{made['Id']}/json")
        if not removes["AutoRemove"]:
            assert (found["State"]["Error"], found["State"]["Status"]) == (said["message"], "created")
        if there == 200:
            assert found["State"]["Status"] == ("dead" if removes["AutoRemove"] else "created")
            assert ask(connection, "DELETE", f"/containers/{made['Id']}")[0] == 204


def test_a_container_that_ends_while_there_are_no_descriptors_has_ended(
    engine: OurEngine, connection: http.client.HTTPConnection
) -> None:
    """It counted as running for good, and could not be removed: the first thing of its end was to save its state."""
    client = docker.theirs(engine.host)
    box = client("run", "-d", "busybox", "sleep", "1000")
    pid = int(client("inspect", "-f", "{{.State.Pid}}", box))
    saved = Path(engine.folder, "data/containers", box, "state.json")

    def state() -> Any:
        return ask(connection, "GET", f"/containers/{box}/json")[1]["State"]

    with descriptors_left(engine, 0):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: state()["Status"] == "exited", "the end of the container")
    assert state()["ExitCode"] == 137
    wait_until(lambda: json.loads(saved.read_text())["status"] == "exited", "the state to be saved", 20)
    client("rm", box)


def bomb(folder: Path, megabytes: int) -> bytes:
    """An image archive with one layer of zeros, small only as long as it is packed."""
    archive = images.make(folder / "bomb.tar", "bomb:latest", {"zeros": bytes(megabytes << 20)}, {"Cmd": ["/x"]})
    return gzip.compress(archive.read_bytes(), 1)


def peak_of(engine: OurEngine) -> int:
    """The most memory that any process of the engine has had, in KiB."""
    pids = [engine.pid, *(process.pid for process in processes.descendants(engine.pid))]
    return max(field_of(pid, "VmHWM") for pid in pids)


def field_of(pid: int, name: str) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0


def disk_of(engine: OurEngine) -> int:
    """What the engine's data take, in KiB."""
    done = subprocess.run(["du", "-sxk", f"{engine.folder}/data"], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0])


def test_a_bomb_takes_no_memory(engine: OurEngine, tmp_path: Path) -> None:
    """CVE-2017-14992 and its like. It takes the disk that it says, as with the original, and gives it back."""
    client = docker.theirs(engine.host)
    packed, before, disk = bomb(tmp_path, 96), peak_of(engine), disk_of(engine)
    client("load", stdin=packed)
    assert peak_of(engine) < before + 32 * 1024
    client("rmi", "bomb")
    wait_until(lambda: disk_of(engine) < disk + 4096, "the disk to be free again", 15)


def test_an_aborted_load_gives_the_disk_back(engine: OurEngine, tmp_path: Path) -> None:
    packed, disk = bomb(tmp_path, 64), disk_of(engine)
    with connect(engine, "POST", "/images/load", length=len(packed)) as connection:
        connection.sendall(packed[: len(packed) * 3 // 4])
    wait_until(lambda: disk_of(engine) < disk + 4096, "the disk to be free again", 15)
    assert "bomb" not in docker.theirs(engine.host)("images")
