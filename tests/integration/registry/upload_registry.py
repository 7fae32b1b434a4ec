"""A registry in memory that takes pushes as the specification says, except where a test tells it to do otherwise."""

import hashlib
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

CHUNK = 1 << 16


@dataclass(frozen=True)
class Request:
    """`path` is without the query, whose first values are in `query`; `is_first` on its connection."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    is_first: bool


@dataclass
class Reply:
    """What a test wants instead. `reads` is how much of a request's body is taken before it is sent (None: all of it).

    `drops` closes the connection without a word; `stalls` waits until the registry ends.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    reads: int | None = None
    drops: bool = False
    stalls: bool = False


class UploadRegistry:
    """Serves on loopback while the `with` lasts. `hook` sees every request first; None lets it be served."""

    def __init__(self) -> None:
        self.hook: Callable[[Request], Reply | None] = lambda request: None
        self.requests: list[Request] = []
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, dict[str, bytes]] = {}
        self.received = 0  # bytes of all bodies
        self.stalling = threading.Event()
        self._end = threading.Event()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            is_first = True

            def serve(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, parts.path, query, headers, self.is_first)
                self.is_first = False
                registry.requests.append(request)
                registry._serve(self, request)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = serve

            def log_message(self, *arguments: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: object) -> None:
                return  # clients go away as they like

        self._server = Server(("127.0.0.1", 0), Handler)
        self.domain = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def of(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]

    def _serve(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        reply = self.hook(request)
        body = self._read(handler, request, reply.reads if reply is not None else None)
        if reply is None:
            reply = self._take(request, body)
        if reply.stalls:
            self.stalling.set()
            self._end.wait()
        if reply.stalls or reply.drops or reply.reads is not None:
            handler.close_connection = True
        if reply.stalls or reply.drops:
            return
        handler.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if request.method != "HEAD":
            handler.wfile.write(reply.body)

    def _read(self, handler: BaseHTTPRequestHandler, request: Request, limit: int | None) -> bytes:
        left = int(request.headers.get("content-length", "0"))
        left = left if limit is None else min(left, limit)
        body = bytearray()
        while left > len(body) and (piece := handler.rfile.read(min(CHUNK, left - len(body)))):
            body += piece
            self.received += len(piece)
        return bytes(body)

    def _take(self, request: Request, body: bytes) -> Reply:
        if request.path == "/v2/":
            return Reply()
        repository, kind, name = _split(request.path)
        if kind == "manifests":
            return self._manifest(request, repository, name, body)
        blobs = self.blobs.setdefault(repository, {})
        if request.method == "HEAD":
            return Reply(headers={"Docker-Content-Digest": name}) if name in blobs else Reply(404)
        if request.method == "POST":
            if (digest := request.query.get("mount", "")) in self.blobs.get(request.query.get("from", ""), {}):
                blobs[digest] = self.blobs[request.query["from"]][digest]
                return Reply(201, headers={"Docker-Content-Digest": digest})
            return Reply(202, headers={"Location": f"/v2/{repository}/blobs/uploads/1?_state=a%2Fb%3D%3D"})
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if request.query.get("digest") != digest or request.query.get("_state") != "a/b==":
            return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        blobs[digest] = body
        return Reply(201, headers={"Docker-Content-Digest": digest})

    def _manifest(self, request: Request, repository: str, name: str, body: bytes) -> Reply:
        manifests = self.manifests.setdefault(repository, {})
        if request.method == "HEAD":
            data = manifests.get(name)
            return Reply(404) if data is None else Reply(headers={"Docker-Content-Digest": _digest(data)})
        document = json.loads(body)
        for part in [*document.get("layers", []), *([document["config"]] if "config" in document else [])]:
            is_foreign = ".nondistributable." in part["mediaType"]
            if not is_foreign and part["digest"] not in self.blobs.get(repository, {}):
                return refusal(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        for part in document.get("manifests", []):
            if part["digest"] not in manifests:
                return refusal(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        manifests[name] = manifests[_digest(body)] = body
        return Reply(201, headers={"Docker-Content-Digest": _digest(body)})


def refusal(status: int, code: str, message: str) -> Reply:
    document = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Reply(status, document, {"Content-Type": "application/json"})


def _split(path: str) -> tuple[str, str, str]:
    for kind in ("manifests", "blobs"):
        repository, found, name = path.removeprefix("/v2/").partition(f"/{kind}/")
        if found:
            return repository, kind, name
    raise AssertionError(path)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def main() -> None:
    """By itself: tells its address, stalls at the first request of the method that is named, and says so."""
    method = sys.argv[1]
    with UploadRegistry() as registry:
        registry.hook = lambda request: Reply(stalls=True, reads=1000) if request.method == method else None
        print(registry.domain, flush=True)  # noqa: T201 - to who has started it
        registry.stalling.wait()
        print("stalls", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
