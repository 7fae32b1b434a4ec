"""Attach over a WebSocket: the output comes without heads, the end of the input is the program's."""

from tests.support.docker import Docker
from tests.support.waiting import wait_until
from tests.support.websocket_client import WebSocketClient

SWITCHED = 101


def test_a_program_is_talked_to(any_engine: Docker) -> None:
    any_engine("create", "--name", "box", "-i", "busybox", "cat")
    with WebSocketClient(any_engine.host, "/v1.51/containers/box/attach/ws?stream=1&stdin=1&stdout=1") as client:
        assert client.status == SWITCHED
        any_engine("start", "box")
        client.send(b"hello\n")
        assert client.read(6) == b"hello\n"
        client.send(b"and bye")
        client.send_close()
        assert client.read() == b"and bye"
    assert any_engine("wait", "box") == "0"


def test_what_was_printed_before_is_replayed(any_engine: Docker) -> None:
    any_engine("run", "-d", "--name", "box", "busybox", "sh", "-c", "echo out; echo err >&2; exec sleep 600")
    wait_until(lambda: "err" in any_engine.run("logs", "box").err, "the log of what was printed")
    with WebSocketClient(any_engine.host, "/v1.51/containers/box/attach/ws?logs=1&stdout=1&stderr=1") as client:
        assert client.status == SWITCHED
        assert sorted(client.read().split()) == [b"err", b"out"]


def test_a_container_that_is_not_there_is_not_found(any_engine: Docker) -> None:
    with WebSocketClient(any_engine.host, "/v1.51/containers/nobody/attach/ws?stream=1") as client:
        assert client.status == 404
