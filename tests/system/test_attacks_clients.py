"""Clients that go away, stay silent or fail, many times over: the engine serves everyone else and keeps nothing."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import docker
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
    yield client("run", "-d", "busybox", "sleep", "1000")
    client("rm", "-f", client("ps", "-lq"))


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
    held = [os.readlink(entry) for entry in Path(f"/proc/{engine.pid}/fd").iterdir() if entry.is_symlink()]
    assert not [path for path in held if path.endswith("(deleted)")]


def test_execs_that_fail_leave_nothing(engine: OurEngine, box: str) -> None:
    client = docker.theirs(engine.host)

    def attack() -> None:
        for _ in range(SLACK + 5):
            assert client.run("exec", box, "/nosuch").status == 127

    assert_nothing_is_kept(engine, attack)
