"""Whatever is sent to the API, the answer is a 4xx with a sentence: never a 500, a traceback, a hang, a dead daemon."""

import http.client
import json
import socket
from collections import Counter
from pathlib import Path

import pytest

from tests.support import docker
from tests.support.engine import OurEngine
from tests.system import malformed

SECONDS = 10.0
PATHS = (
    "GET /v1.51/containers/..%2f..%2fetc/json",
    "GET /v1.51/containers/%00/json",
    "GET /v1.51/containers/" + "a" * 5000 + "/json",
    "GET /v1.51/nosuch",
    "GET /v9.99/containers/json",
    "GET /v1.0/containers/json",
    "GET /vx/containers/json",
    "GET //containers/json",
    "GET /v1.51/containers/json?filters={",
    "GET /v1.51/containers/json?limit=x",
    "GET /v1.51/images/%ff/json",
    "POST /v1.51/containers/nosuch/start?detachKeys=nosuch-key",
    "POST /v1.51/containers/nosuch/resize?h=x&w=1",
    "POST /v1.51/containers/create?name=%2f..%2f",
    "POST /v1.51/containers/nosuch/kill?signal=NOSUCH",
    "POST /v1.51/containers/nosuch/wait?condition=nosuch",
    "POST /v1.51/images/create?fromImage=UPPER",
    "DELETE /v1.51/containers/nosuch?force=maybe",
    "PUT /v1.51/containers/json",
)


def send(engine: OurEngine, method: str, target: str, kind: str = "", body: bytes = b"") -> tuple[int, bytes]:
    """(status, body) of one request on a connection of its own. TimeoutError when the engine hangs."""
    connection = http.client.HTTPConnection("engine", timeout=SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(SECONDS)
    connection.sock.connect(engine.host.removeprefix("unix://"))
    try:
        connection.request(method, target, body or None, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def complaint(status: int, body: bytes) -> str:
    """Why this answer is no good; empty when it is a 4xx with a sentence."""
    if not 400 <= status < 500:
        return f"{status} {body[:200]!r}"
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        return f"no message in {body[:200]!r}"
    return f"a traceback in {message!r}" if "Traceback" in message or not message.strip() else ""


@pytest.fixture(scope="module")
def engine(ours: OurEngine) -> OurEngine:
    return ours


def test_a_thousand_malformed_bodies(engine: OurEngine) -> None:
    told = Counter[str]()
    for request in malformed.corpus():
        if why := complaint(*send(engine, "POST", request.target, request.kind, request.body)):
            told[f"{request.note} to {request.target}: {why}"] += 1
    assert not told, "\n".join(f"{count} x {what}" for what, count in told.most_common(40))


@pytest.mark.parametrize("line", PATHS, ids=range(len(PATHS)))
def test_a_malformed_path(engine: OurEngine, line: str) -> None:
    method, _, target = line.partition(" ")
    assert not (why := complaint(*send(engine, method, target))), f"{line}: {why}"


def test_the_engine_lives_on_unharmed(engine: OurEngine) -> None:
    client = docker.theirs(engine.host)
    assert client("run", "--rm", "busybox", "echo", "alive") == "alive"
    assert not engine.tracebacks()
    assert not Path("/etc/x").exists()


def test_who_is_refused_while_sending_reads_why(engine: OurEngine) -> None:
    """The answer may come before the end of the body: closing at once would break the sender's pipe, and Docker's
    client tells of that in place of the answer."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(SECONDS)
    connection.connect(engine.host.removeprefix("unix://"))
    with connection:
        target = "/v1.51/images/create?fromSrc=-&changes=NOSUCH"
        connection.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        answer = b""
        while b"not a valid change command" not in answer:
            data = connection.recv(4096)
            assert data, answer
            answer += data
        connection.sendall(b"5\r\nhello\r\n0\r\n\r\n")
        while connection.recv(4096):
            pass
    assert answer.startswith(b"HTTP/1.1 400 ")
