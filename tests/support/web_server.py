"""A small web server in an engine's network, for `docker import URL`: a tar, and everything that can go wrong."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Final, Self

ADDRESS: Final = "127.0.0.1:5080"
PROGRAM: Final = """
import http.server, io, sys, tarfile
buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w") as tar:
    member = tarfile.TarInfo("hello")
    member.size = 100000
    tar.addfile(member, io.BytesIO(b"x" * member.size))
TAR = buffer.getvalue()

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        match self.path:
            case "/tar": self.answer(200, TAR)
            case "/moved": self.answer(302, b"", Location="/tar")
            case "/round": self.answer(302, b"", Location="/round")
            case "/short": self.answer(200, TAR[:50000], len(TAR))
            case "/page": self.answer(200, b"<html>no tar</html>")
            case "/broken": self.answer(500, b"out of order")
            case _: self.answer(404, b"no such page")

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


class WebServer:
    """Serves at ADDRESS of the network that `enter` leads to, while the `with` lasts."""

    def __init__(self, enter: Sequence[str]) -> None:
        self._argv = [*enter, sys.executable, "-I", "-S", "-c", PROGRAM, ADDRESS.rpartition(":")[2]]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the web server at {ADDRESS} did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
