"""The original docker-registry on a port of its own, and images of several layers pushed to it."""

import base64
import hashlib
import http.client
import io
import json
import os
import socket
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from slipway.archive.compression import gzip_compressor, zstd_compressor
from slipway.contracts.oci import image
from tests.support import peers, processes
from tests.support.registry import requests_in
from tests.support.waiting import wait_until

USER: Final = ("me", "very secret")
_HTPASSWD: Final = "me:$2b$05$abcdefghijklmnopqrstuu4mbRbpKmvm6292tduza7az6rb5HsuOS\n"  # the same, by bcrypt


class Distribution:
    """A registry that serves `folder`, while the `with` lasts. Uploads go over plain HTTP, as its clients' do.

    With `is_guarded` it serves USER alone; with `mirror_of` it is a mirror of the registry at that address.
    """

    def __init__(self, folder: Path, *, is_guarded: bool = False, mirror_of: str = "") -> None:
        peers.install("sid")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        configuration: dict[str, object] = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
            "http": {"addr": self.address},
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._login = {}
        if is_guarded:
            (folder / "htpasswd").write_text(_HTPASSWD)
            configuration["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
            self._login = {"Authorization": "Basic " + base64.b64encode(":".join(USER).encode()).decode()}
        if mirror_of:
            configuration["proxy"] = {"remoteurl": f"http://{mirror_of}"}
        (folder / "registry.json").write_text(json.dumps(configuration))  # JSON is YAML
        self._argv, self._environment = peers.enter(
            "sid", "docker-registry", "serve", str(folder / "registry.json"), share=folder
        )
        self._folder, self._log = folder, folder / "registry.log"

    def __enter__(self) -> Self:
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                self._argv, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait_until(self._answers, f"the registry; see {self._log}")
        except BaseException:  # an interrupt, too
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        family = processes.descendants(self._process.pid)
        self._process.kill()
        self._process.wait()
        processes.end(family)
        peers.forget_share("sid", self._folder)

    def push_blob(self, repository: str, data: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        _, headers = self._request("POST", f"/v2/{repository}/blobs/uploads/", b"")
        place = headers["location"].partition(self.address)[2]
        separator = "&" if "?" in place else "?"
        self._request("PUT", f"{place}{separator}digest={digest}", data, "application/octet-stream")
        return digest

    def push_manifest(self, repository: str, tag: str, media_type: str, document: object) -> str:
        data = json.dumps(document).encode()
        self._request("PUT", f"/v2/{repository}/manifests/{tag}", data, media_type)
        return f"sha256:{hashlib.sha256(data).hexdigest()}"

    def push_image(
        self, repository: str, tag: str, layers: Sequence[bytes], *, compression: str = "gzip", architecture: str = ""
    ) -> str:
        """An OCI image of plain tars, compressed here; returns the manifest's digest."""
        compressor = {"gzip": gzip_compressor, "zstd": zstd_compressor}[compression]
        descriptors = []
        for layer in layers:
            running = compressor()
            data = running.compress(layer) + running.flush()
            descriptors.append(
                {
                    "mediaType": f"{image.OCI_LAYER}+{compression}",
                    "digest": self.push_blob(repository, data),
                    "size": len(data),
                }
            )
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
        config = json.dumps(
            {
                "os": "linux",
                "architecture": architecture or machine,
                "config": {"Cmd": ["sh"]},
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers],
                },
            }
        ).encode()
        described = {
            "mediaType": image.OCI_CONFIG,
            "digest": self.push_blob(repository, config),
            "size": len(config),
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": image.OCI_MANIFEST,
            "config": described,
            "layers": descriptors,
        }
        return self.push_manifest(repository, tag, image.OCI_MANIFEST, manifest)

    def blobs(self) -> set[str]:
        """The digests of everything that it holds."""
        root = self._folder / "storage/docker/registry/v2/blobs/sha256"
        return {path.parent.name for path in root.glob("*/*/data")}

    def _request(self, method: str, path: str, body: bytes, kind: str = "") -> tuple[int, dict[str, str]]:
        connection = http.client.HTTPConnection(self.address)
        try:
            connection.request(method, path, body, {**self._login, **({"Content-Type": kind} if kind else {})})
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status < 300, said
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()

    def size_of(self, repository: str, digest: str) -> int:
        """Of a manifest."""
        connection = http.client.HTTPConnection(self.address)
        try:
            connection.request(
                "GET", f"/v2/{repository}/manifests/{digest}", headers={**self._login, "Accept": image.OCI_MANIFEST}
            )
            return len(connection.getresponse().read())
        finally:
            connection.close()

    def requests(self) -> list[tuple[str, str, int]]:
        return requests_in(self._log)

    def _answers(self) -> bool:
        try:
            return bool(self._request("GET", "/v2/", b""))
        except OSError:
            return False


def layer_of(files: dict[str, bytes]) -> bytes:
    """A plain tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
