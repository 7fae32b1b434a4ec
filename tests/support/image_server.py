"""A small registry in an engine's network: a tiny image, a large one, and repositories with manners of their own.

Each repository's last part says how it behaves; it remembers what it was asked, with whatever Authorization.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

USER: Final = "me"
SECRET: Final = "very secret"
BASIC: Final = "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
LARGE: Final = 300 << 20  # bytes of the large image's only layer
PROGRAM: Final = """
import functools, hashlib, http.server, json, os, ssl, sys, tarfile
host, port, log, basic, large, certificate, key = sys.argv[1:]
PIECE = bytes(1 << 20)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

def digest_of(pieces):
    running = hashlib.sha256()
    for piece in pieces:
        running.update(piece)
    return "sha256:" + running.hexdigest()

def layer(size):
    member = tarfile.TarInfo("file")
    member.size = size
    yield member.tobuf()
    for at in range(0, size, len(PIECE)):
        yield PIECE[:size - at]
    yield bytes(-size % 512 + 1024)

@functools.cache
def image(size):
    length = sum(map(len, layer(size)))
    digest = digest_of(layer(size))
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    rootfs = {"type": "layers", "diff_ids": [digest]}
    config = json.dumps({"os": "linux", "architecture": machine, "rootfs": rootfs}).encode()
    part = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of([config]), "size": len(config)}
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": part,
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": length}],
    }).encode()
    return {digest_of([config]): (len(config), [config]), digest: (length, functools.partial(layer, size)),
            digest_of([manifest]): (len(manifest), [manifest]), "latest": (len(manifest), [manifest])}

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = default_request_version = "HTTP/1.1"  # also to who speaks TLS: Go's clients look for it

    def do_GET(self):
        with open(log, "a") as file:
            asked = [self.command, self.path, self.headers.get("Authorization", "")]
            file.write(json.dumps(asked) + chr(10))
        path = self.path.partition("?")[0]
        manner, kind, name = path.removeprefix("/v2/").rsplit("/", 2) if path.count("/") > 3 else ("", "", "")
        match manner.rpartition("/")[2]:
            case "loop": return self.say(307, Location=self.path)
            case "guarded" if self.headers.get("Authorization") != basic:
                return self.say(401, **{"WWW-Authenticate": 'Basic realm="guarded"'})
            case "everlasting": return self.say(401, **{"WWW-Authenticate": 'Basic realm="everlasting"'})
            case "endless": return self.endless()
        served = image(int(large) if manner.endswith("large") else 100_000)
        if name not in served or manner.endswith("none"):
            return self.say(404)
        length, pieces = served[name]
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.send_header("Content-Type", MANIFEST if kind == "manifests" else "application/octet-stream")
        if kind == "manifests":
            self.send_header("Docker-Content-Digest", digest_of(pieces))
        self.end_headers()
        if self.command == "GET":
            for piece in pieces() if callable(pieces) else pieces:
                self.wfile.write(piece)

    do_HEAD = do_GET

    def say(self, status, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def endless(self):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while self.command == "GET":
            self.wfile.write(PIECE)

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass

server = Server((host, int(port)), Handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("ready", flush=True)
server.serve_forever()
"""


class Asked(NamedTuple):
    method: str
    path: str
    authorization: str


class ImageServer:
    """Serves at `address` of the network that `enter` leads to, while the `with` lasts; by TLS with a `certificate`."""

    def __init__(
        self, enter: Sequence[str], log: Path, address: str, certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.address = address
        self._log = log
        host, _, port = address.partition(":")
        files = map(str, certificate or ("", ""))
        self._argv = [*enter, sys.executable, "-I", "-c", PROGRAM, host, port, str(log), BASIC, str(LARGE), *files]

    def asked(self) -> list[Asked]:
        return [Asked(*json.loads(line)) for line in self._log.read_text().splitlines()] if self._log.exists() else []

    def forget(self) -> None:
        self._log.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the registry at {self.address} did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
