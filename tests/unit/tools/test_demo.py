"""Where no registry answers, the demo goes on within seconds; what counts as an answer. The image that it is told."""

import socket
from pathlib import Path
from threading import Thread

import pytest

from tools.dev import demo, engine, launchers, say
from tools.dev.demo import registry_answers
from tools.dev.instance import DevInstance

# Stands for our client and its engine: notes how it was called, and has no image and no registry but these.
DOCKER = """#!/bin/sh
echo "$*" >>"$0.calls"
case "$*" in
  "image inspect"*" there/nginx") echo sha256:there ;;
  "pull -- mirror:5000/nginx") echo pulled ;;
  *) exit 1 ;;
esac
"""


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DevInstance:
    monkeypatch.setattr(launchers, "make", lambda checkout: checkout)
    instance = DevInstance(tmp_path)
    instance.launchers.mkdir(parents=True)
    (instance.launchers / "docker").write_text(DOCKER)
    (instance.launchers / "docker").chmod(0o755)
    return instance


def pulled(instance: DevInstance) -> list[str]:
    calls = (instance.launchers / "docker.calls").read_text().splitlines()
    return [call for call in calls if call.startswith("pull")]


def test_the_image_that_was_named_is_pulled_from_its_registry(instance: DevInstance) -> None:
    demo.get_image_named(instance, "mirror:5000/nginx")
    assert pulled(instance) == ["pull -- mirror:5000/nginx"]


def test_the_image_that_was_named_is_not_pulled_when_it_is_there(instance: DevInstance) -> None:
    demo.get_image_named(instance, "there/nginx")
    assert pulled(instance) == []


def test_no_other_image_takes_the_place_of_one_that_cannot_be_pulled(instance: DevInstance) -> None:
    with pytest.raises(say.Failed, match="gone:5000/nginx could not be pulled"):
        demo.get_image_named(instance, "gone:5000/nginx")


def test_the_image_that_was_named_is_the_one_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(engine, "up", lambda instance: False)
    monkeypatch.setattr(demo, "get_image_named", lambda instance, image: seen.append(f"get {image}"))
    monkeypatch.setattr(demo, "show", lambda instance, image: seen.append(f"show {image}"))
    assert demo.main(["demo", "--image", "mirror:5000/nginx"]) == 0
    assert seen == ["get mirror:5000/nginx", "show mirror:5000/nginx"]


def test_a_registry_that_wants_a_token_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        thread = Thread(target=_answer_once, args=(server, refusal))
        thread.start()
        assert registry_answers(_url(server), 10)
        thread.join()


def test_who_takes_the_connection_and_says_nothing_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not registry_answers(_url(silent), 0.05)


def test_where_nobody_listens_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = _url(server)
    assert not registry_answers(url, 10)


def _url(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}/v2/"


def _answer_once(server: socket.socket, answer: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)
