"""The image that pulls are measured with: ten layers, 300 MB, 20,000 files, the same bytes at each run."""

import gzip
import hashlib
import io
import json
import os
import random
import tarfile
from pathlib import Path

NAME = "big:latest"
LAYERS = 10
FILES_PER_LAYER = 2_000
MEAN_BYTES = 15_000
GZIP_LEVEL = 6  # what image builders use
CREATED = "2026-01-01T00:00:00Z"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TEXT = b"the quick brown fox jumps over the lazy dog; 0123456789 <div class='row'>\n"


def write_archive(target: Path) -> Path:
    """An OCI layout as a tar at `target`, for `ctr images import`. Half of each file is text, half cannot be packed."""
    numbers = random.Random(20_000)
    noise = numbers.randbytes(8 << 20)
    blobs: dict[str, bytes] = {}
    layers, diff_ids = [], []
    for number in range(LAYERS):
        plain = _layer(number, numbers, noise)
        packed = gzip.compress(plain, GZIP_LEVEL, mtime=0)
        diff_ids.append(f"sha256:{hashlib.sha256(plain).hexdigest()}")
        layers.append(_put(blobs, packed, "application/vnd.oci.image.layer.v1.tar+gzip"))
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "created": CREATED,
        "config": {},
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _put(blobs, _json(config), "application/vnd.oci.image.config.v1+json"),
        "layers": layers,
    }
    top = _put(blobs, _json(manifest), MANIFEST)
    top["annotations"] = {"io.containerd.image.name": f"docker.io/library/{NAME}"}
    files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"})}
    files["index.json"] = _json({"schemaVersion": 2, "manifests": [top]})
    files |= {f"blobs/sha256/{digest}": data for digest, data in blobs.items()}
    with tarfile.open(target, "w") as archive:
        for name, data in files.items():
            _add(archive, name, data)
    return target


def _layer(number: int, numbers: random.Random, noise: bytes) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in range(FILES_PER_LAYER):
            size = numbers.randrange(MEAN_BYTES)
            start = numbers.randrange(len(noise) - MEAN_BYTES)
            text = (TEXT * (size // len(TEXT) + 1))[:size]
            _add(archive, f"usr/lib/part{number}/{file % 50:02}/file{file}", noise[start : start + size] + text)
    return plain.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def _put(blobs: dict[str, bytes], data: bytes, media_type: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
