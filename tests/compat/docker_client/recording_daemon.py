"""A daemon that writes down what a client asks, and answers just enough for `create`, `run -d`, `exec -d` and
listings.
"""

import json
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

CONTAINER_ID = "c" * 64


_CONTAINER = {"Id": CONTAINER_ID, "State": {}, "Config": {}, "NetworkSettings": {"Ports": {}}}
_ANSWERS: list[tuple[str, Any]] = [  # by the end of the path
    ("/containers/json", []),
    ("/images/json", []),
    ("/json", _CONTAINER),
    ("/top", {"Titles": ["PID"], "Processes": [["1"]]}),
    ("/changes", []),
    ("/history", []),
    ("/networks", []),
    ("/images/search", []),
]


class Recorded:
    """One request: method, target without the version, and its document or None."""

    def __init__(self, method: str, target: str, document: Any) -> None:
        self.method = method
        self.target = target
        self.document = document

    def comparable(self) -> tuple[str, str, Any]:
        return self.method, self.target, self.document

    def __repr__(self) -> str:
        return f"{self.method} {self.target} {json.dumps(self.document, sort_keys=True)}"


class RecordingDaemon:
    """Listens on `path` while used as a context manager; `requests` is what came since `clear`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requests: list[Recorded] = []
        self._server = _Server(str(path), _Handler)
        self._server.daemon_of_tests = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> "RecordingDaemon":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def clear(self) -> None:
        self.requests = []


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    daemon_of_tests: RecordingDaemon

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may go without its answer: that is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._answer(200, None)

    def do_GET(self) -> None:
        self._record(None)
        path = self.path.partition("?")[0]
        self._answer(200, next((answer for end, answer in _ANSWERS if path.endswith(end)), {"Id": CONTAINER_ID}))

    def do_DELETE(self) -> None:
        self._record(None)
        self._answer(200, [])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._record(json.loads(body) if body else None)
        if "/images/create?" in self.path:
            self._answer(200, {"status": "Pulled"})
        else:
            self._answer(201, {"Id": CONTAINER_ID, "Name": "name", "Warnings": []})

    def _record(self, document: Any) -> None:
        target = self.path.split("/", 2)[2] if self.path.startswith("/v1.") else self.path
        self.server.daemon_of_tests.requests.append(Recorded(self.command, "/" + target, document))

    def _answer(self, status: int, document: Any) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Api-Version", "1.50")
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "client"

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""
