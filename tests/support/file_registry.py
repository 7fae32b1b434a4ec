"""A registry of one image that serves files, in the network of a sandbox; a blob may stop in its middle."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from slipway.base.digests import digest_of
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

ADDRESS: Final = "127.0.0.1:5000"
NAME: Final = f"{ADDRESS}/kept/image:1"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_MACHINE: Final = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
_PROGRAM: Final = """
import http.server, json, os, sys, time
folder, port = sys.argv[1], int(sys.argv[2])

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kind, name = self.path.partition("?")[0].split("/")[-2:]
        asked = self.headers.get("Range", "")
        with open(f"{folder}/log", "a") as log:
            log.write(json.dumps([self.command, name, asked]) + chr(10))
        try:
            with open(f"{folder}/files/{name}", "rb") as file:
                data = file.read()
        except OSError:
            data = None
        start = int(asked.removeprefix("bytes=").partition("-")[0] or 0)
        self.send_response(404 if data is None else 206 if start else 200)
        whole, data = len(data or b""), (data or b"")[start:]
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", MANIFEST if kind == "manifests" else "application/octet-stream")
        self.end_headers()
        if self.command == "GET":
            self.send(name, data)

    do_HEAD = do_GET

    def send(self, name, data):
        half = len(data) // 2
        self.wfile.write(data[:half])
        self.wfile.flush()
        while os.path.exists(f"{folder}/stop-{name}"):
            time.sleep(0.01)
        self.wfile.write(data[half:])

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # who asks is killed

Server(("127.0.0.1", port), Handler).serve_forever()
""".replace("MANIFEST", repr(_MANIFEST))


class FileRegistry:
    """Serves an image of these plain layers as NAME while the `with` lasts; `folder` is its own."""

    def __init__(self, sandbox: Sandbox, folder: Path, layers: Sequence[bytes]) -> None:
        self._sandbox = sandbox
        self._folder = folder
        (folder / "files").mkdir(parents=True)
        self._write("1", _image(self._write_blob, layers))

    def __enter__(self) -> Self:
        argv = [sys.executable, "-c", _PROGRAM, self._folder, ADDRESS.rpartition(":")[2]]
        self._process = self._sandbox.popen(argv, stdin=subprocess.DEVNULL)
        try:
            wait_until(self._answers, "the registry")
        except BaseException:  # an interrupt, too
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def stop_in(self, digest: str) -> None:
        """Send this blob no further than its half, until `go_on`."""
        (self._folder / f"stop-{digest}").touch()

    def go_on(self) -> None:
        for path in self._folder.glob("stop-*"):
            path.unlink()

    def asked_for(self, digest: str) -> list[str]:
        """The Range of each GET of a blob, "" for all of it."""
        lines = map(json.loads, (self._folder / "log").read_text().splitlines())
        return [asked for method, name, asked in lines if (method, name) == ("GET", digest)]

    def _answers(self) -> bool:
        ask = ["bash", "-c", f"exec 3<>/dev/tcp/{ADDRESS.replace(':', '/')}"]
        return subprocess.run(self._sandbox.command(*ask), capture_output=True, check=False).returncode == 0

    def _write(self, name: str, data: bytes) -> None:
        (self._folder / "files" / name).write_bytes(data)

    def _write_blob(self, media_type: str, data: bytes) -> dict[str, Any]:
        self._write(digest_of(data), data)
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def _image(write_blob: Any, layers: Sequence[bytes]) -> bytes:
    """The image's manifest, as a blob too."""
    rootfs = {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}
    config = {"os": "linux", "architecture": _MACHINE, "config": {}, "rootfs": rootfs}
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": write_blob("application/vnd.oci.image.config.v1+json", json.dumps(config).encode()),
        "layers": [write_blob("application/vnd.oci.image.layer.v1.tar", layer) for layer in layers],
    }
    data = json.dumps(manifest).encode()
    write_blob(_MANIFEST, data)
    return data
