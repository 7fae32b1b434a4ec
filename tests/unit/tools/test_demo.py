"""Where no registry answers, the demo goes on within seconds; what counts as an answer."""

import socket
from threading import Thread

from tools.dev.demo import registry_answers


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
