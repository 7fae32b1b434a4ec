"""The Engine API, as far as `./dev` needs it without a client: is it there, what runs, take it away."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("engine", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(path: Path, method: str, target: str, *, seconds: float = 30) -> tuple[int, bytes]:
    """(status, body) of one request to the engine behind `path`. OSError, HTTPException when none answers."""
    connection = _UnixConnection(path, seconds)
    try:
        connection.request(method, target, headers={"Content-Length": "0"} if method == "POST" else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def is_serving(path: Path) -> bool:
    """Whether an engine answers behind the socket `path`."""
    try:
        return ask(path, "GET", "/_ping", seconds=5) == (200, b"OK")
    except (OSError, http.client.HTTPException):
        return False


def document(path: Path, target: str) -> Any:
    """The JSON that GET `target` answers with; None when it does not answer with success."""
    status, body = ask(path, "GET", target)
    return json.loads(body) if status == 200 else None
