"""A registry that misbehaves as told, on loopback, and remembers what it was asked."""

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.certificates import Authority


@dataclass
class Answer:
    """One response. `cut` closes the connection after so many bytes of the body, whatever Content-Length says.

    `stream` instead of a body has no length; `silent` says nothing more after the body, until the registry ends.
    `raw` is sent instead of it all.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    stream: Iterable[bytes] | None = None
    silent: bool = False
    raw: Iterable[bytes] | None = None


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class Registry:
    """`answer` is called for every request and decides; `asked` lists the requests."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda asked: Answer(404)
        self.ended = threading.Event()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = default_request_version = "HTTP/1.1"

            def handle_any(self) -> None:
                headers = {key.lower(): value for key, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", "0")))
                asked = Asked(self.command, self.path, headers, body)
                registry.asked.append(asked)
                registry._send(self, registry.answer(asked))

            do_GET = do_HEAD = do_POST = handle_any

            def log_message(self, *arguments: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Whoever has had enough of an answer hangs up."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "http" if tls is None else "https"
        self.domain = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.raw is not None:
            handler.close_connection = True
            self._write(handler, answer.raw)
            return
        handler.send_response(answer.status)
        length = {} if answer.stream is not None else {"Content-Length": str(len(answer.body))}
        for name, value in {**length, **answer.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            self._write(handler, [answer.body[: answer.cut]] if answer.stream is None else answer.stream)
        if answer.silent:
            self.ended.wait()
        if answer.cut is not None or answer.stream is not None:
            handler.close_connection = True

    def _write(self, handler: BaseHTTPRequestHandler, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if self.ended.is_set():
                return
            handler.wfile.write(piece)

    def close(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def registry() -> Iterator[Registry]:
    served = Registry()
    yield served
    served.close()


@pytest.fixture
def elsewhere() -> Iterator[Registry]:
    """Another host: what a registry may redirect to."""
    served = Registry()
    yield served
    served.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server_tls(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("server"))
    return context


@pytest.fixture
def over_tls(server_tls: ssl.SSLContext) -> Iterator[Registry]:
    """A registry whose certificate `authority` has signed."""
    served = Registry(server_tls)
    yield served
    served.close()


def drip(pieces: Iterable[bytes], stop: threading.Event, seconds: float = 0.05) -> Iterator[bytes]:
    """A little at a time."""
    for piece in pieces:
        if stop.wait(seconds):
            return
        yield piece
