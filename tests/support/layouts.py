"""OCI image archives of several platforms, made here: equal input, equal bytes."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
OTHER = {"amd64": "arm64", "arm64": "amd64"}[MACHINE]


class Layout:
    """Blobs, and the images that the archive lists."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._listed: list[dict[str, Any]] = []

    def blob(self, media_type: str, data: bytes | Mapping[str, Any]) -> dict[str, Any]:
        """Its descriptor."""
        if not isinstance(data, bytes):
            data = json.dumps(data, separators=(",", ":")).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def image(self, architecture: str, *files: str, kind: str = LAYER) -> dict[str, Any]:
        """A manifest with one layer per file, which holds its own name."""
        plain = [_layer(name) for name in files]
        ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in plain]
        config = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": ids}}
        layers = [self.blob(kind, gzip.compress(layer, mtime=0)) for layer in plain]
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.blob(CONFIG, config), "layers": layers}
        return self.blob(MANIFEST, document)

    def index(self, **manifests: dict[str, Any]) -> dict[str, Any]:
        """By architecture."""
        entries = [
            {**manifest, "platform": {"architecture": architecture, "os": "linux"}}
            for architecture, manifest in manifests.items()
        ]
        return self.blob(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})

    def list(self, descriptor: dict[str, Any], **annotations: str) -> None:
        names = {"name": "io.containerd.image.name", "ref": "org.opencontainers.image.ref.name"}
        given = {names[key]: value for key, value in annotations.items()}
        self._listed.append({**descriptor, **({"annotations": given} if given else {})})

    def forget(self, descriptor: dict[str, Any]) -> None:
        """Leave a blob out of the archive."""
        del self._blobs[descriptor["digest"]]

    def write(self, target: Path) -> Path:
        index = {"schemaVersion": 2, "manifests": self._listed}
        files = {f"blobs/{digest.replace(':', '/')}": data for digest, data in self._blobs.items()}
        files["index.json"] = json.dumps(index, separators=(",", ":")).encode()
        files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
        target.write_bytes(_tar(files))
        return target


def two_platforms(target: Path, name: str) -> Path:
    """`name`: an index of an image for this machine and one for another; both share a layer."""
    layout = Layout()
    images = {machine: layout.image(machine, "shared", machine) for machine in (MACHINE, OTHER)}
    layout.list(layout.index(**images), name=name, ref=name.rpartition(":")[2])
    return layout.write(target)


def _layer(name: str) -> bytes:
    return _tar({name: name.encode() * 1000})


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
