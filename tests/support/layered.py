"""OCI archives of several layers, of any media type and however encoded."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import images

PREFIX = "application/vnd.oci.image."
PLAIN = f"{PREFIX}layer.v1.tar"


@dataclass(frozen=True)
class Layer:
    """`plain` is the tar, `data` the blob (none: the tar itself) of the type `media_type`."""

    plain: bytes
    data: bytes = b""
    media_type: str = PLAIN

    @property
    def blob(self) -> bytes:
        return self.data or self.plain

    @property
    def digest(self) -> str:
        return digest_of(self.blob)

    @property
    def diff_id(self) -> str:
        return digest_of(self.plain)


def tar_of(files: Mapping[str, bytes | str]) -> bytes:
    """A plain tar: a path to its bytes, or "-> where" for a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content.removeprefix("-> ")
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def busybox_layer() -> Layer:
    """`sh`, `cat` and `ls`, static."""
    links = {f"bin/{name}": "-> busybox" for name in ("sh", "cat", "ls", "echo", "sleep")}
    return Layer(tar_of({"bin/busybox": images.program_of(images.busybox()), **links}))


def chain_ids(layers: Sequence[Layer]) -> list[str]:
    """The names of the snapshots of these layers (OCI image specification, config.md, "Layer ChainID")."""
    found: list[str] = []
    for layer in layers:
        found.append(digest_of(f"{found[-1]} {layer.diff_id}".encode()) if found else layer.diff_id)
    return found


def archive_of(target: Path, name: str, layers: Sequence[Layer]) -> Path:
    """An OCI layout of one image for this machine, called `name`, as a tar at `target`."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    config = _json(
        {
            "architecture": machine,
            "os": "linux",
            "config": {"Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{PREFIX}manifest.v1+json",
            "config": _descriptor(f"{PREFIX}config.v1+json", config),
            "layers": [_descriptor(layer.media_type, layer.blob) for layer in layers],
        }
    )
    entry = _descriptor(f"{PREFIX}manifest.v1+json", manifest)
    entry["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": "latest"}
    index = _json({"schemaVersion": 2, "mediaType": f"{PREFIX}index.v1+json", "manifests": [entry]})
    blobs = {
        f"blobs/sha256/{digest_of(blob)[7:]}": blob for blob in (config, manifest, *(each.blob for each in layers))
    }
    target.write_bytes(tar_of({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index, **blobs}))
    return target


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
