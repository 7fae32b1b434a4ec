"""Requests of which parts were dropped in silence, sent by no client of Docker's: to our engine and the original."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support import docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.system.conftest import COLUMNS

pytestmark = [pytest.mark.root, pytest.mark.peers]

SECONDS = 20.0


@pytest.fixture(params=COLUMNS[1:])
def host(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of our engine, then of the original. Left empty."""
    engine: OurEngine | OriginalEngine = request.getfixturevalue("original" if request.param == "original" else "ours")
    yield engine.host
    docker.theirs(engine.host).remove_all_containers()


def ask(host: str, method: str, path: str, document: object = None) -> tuple[int, bytes]:
    """(status, body) of one request on a connection of its own."""
    with closing(http.client.HTTPConnection("engine", timeout=SECONDS)) as connection:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(SECONDS)
        connection.sock.connect(host.removeprefix("unix://"))
        body = None if document is None else json.dumps(document)
        connection.request(method, f"/v1.51{path}", body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()


def made(answer: tuple[int, bytes]) -> str:
    status, body = answer
    assert status == 201, body
    return str(json.loads(body)["Id"])


def test_limits_hold_in_any_case_of_their_names(host: str) -> None:
    asked = {"image": "busybox", "hostconfig": {"memory": 64 << 20, "readonlyrootfs": True}}
    container = made(ask(host, "POST", "/containers/create", asked))
    _, body = ask(host, "GET", f"/containers/{container}/json")
    found: dict[str, Any] = json.loads(body)["HostConfig"]
    assert (found["Memory"], found["ReadonlyRootfs"]) == (64 << 20, True)


@pytest.mark.parametrize(
    ("has_terminal", "reads_terminal", "output"),
    [
        (True, False, b"\x01\0\0\0\0\0\0\4hi\r\n"),
        (True, True, b"hi\r\n"),
        (False, True, b"hi\n"),
        (False, False, b"\x01\0\0\0\0\0\0\3hi\n"),
    ],
)
def test_output_is_framed_as_the_start_of_an_exec_says(
    host: str, has_terminal: bool, reads_terminal: bool, output: bytes
) -> None:
    container = docker.theirs(host)("run", "-d", "busybox", "sleep", "600")
    asked = {"Cmd": ["echo", "hi"], "AttachStdout": True, "Tty": has_terminal}
    one = made(ask(host, "POST", f"/containers/{container}/exec", asked))
    assert ask(host, "POST", f"/exec/{one}/start", {"Tty": reads_terminal}) == (200, output)


def test_the_start_of_an_exec_sizes_its_terminal(host: str) -> None:
    container = docker.theirs(host)("run", "-d", "busybox", "sleep", "600")
    asked = {"Cmd": ["stty", "size"], "AttachStdin": True, "AttachStdout": True, "Tty": True, "ConsoleSize": [10, 20]}
    one = made(ask(host, "POST", f"/containers/{container}/exec", asked))
    _, body = ask(host, "POST", f"/exec/{one}/start", {"Tty": True, "ConsoleSize": [33, 101]})
    assert body == b"33 101\r\n"


def test_an_image_of_another_platform_is_no_answer(host: str) -> None:
    status, body = ask(host, "POST", "/containers/create?platform=linux/riscv64", {"Image": "busybox"})
    assert status == 404
    assert b"image with reference busybox" in body  # and then in the words of either image store
