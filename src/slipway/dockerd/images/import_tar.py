"""`docker import`: a tar of a root file system becomes an image of one layer.

The tar is spooled to disk, uncompressed, while it is hashed; then an OCI archive around it goes through containerd's
import as any other image does: this daemon unpacks nothing.
"""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import orjson

from slipway.archive.compression import plain_chunks
from slipway.base.errors import InvalidArgument
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.contracts.engine_api.schema import encode
from slipway.dockerd.images.changes import config_from_changes
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.interface import ReadBytes
from slipway.dockerd.images.names import DANGLING_PREFIX
from slipway.wire.tar import BLOCK, REGULAR, Header, decode_header, padding
from slipway.wire.tar_encode import END, encode_header

PIECE: Final = 1024 * 1024
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar"


async def import_tar(
    environment: ImageEnvironment, read: ReadBytes, *, name: str, changes: Sequence[str], message: str
) -> str:
    """The image's id. `name` is complete, or empty. Raises InvalidArgument for what is no tar."""
    config = encode(config_from_changes(changes))
    file = await asyncio.to_thread(_scratch_file, environment.scratch)
    try:
        diff_id, size = await _spool(read, file)
        layer = _Blob(digest=diff_id, size=size, data=b"")
        document = {
            "created": rfc3339_from_nanoseconds(environment.clock.now()),
            "architecture": environment.platform.architecture,
            "os": environment.platform.os,
            "config": {key: value for key, value in config.items() if value not in (None, "", False)},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created": rfc3339_from_nanoseconds(environment.clock.now()), "comment": message}],
        }
        manifest, parts = _archive(document, layer, name)
        pieces = _pieces(parts, file)

        async def next_piece() -> bytes:
            return await asyncio.to_thread(next, pieces, b"")

        await environment.containerd.transfer.load(next_piece, environment.platform, DANGLING_PREFIX, lambda _: None)
    finally:
        file.close()
    environment.events.publish("image", "import", manifest.digest, {"name": manifest.digest})
    return manifest.digest


@dataclass(frozen=True, kw_only=True)
class _Blob:
    """`data` is empty for the layer, which is in the spool."""

    digest: str
    size: int
    data: bytes

    @classmethod
    def of(cls, document: dict[str, Any]) -> "_Blob":
        data = orjson.dumps(document)
        return cls(digest=f"sha256:{hashlib.sha256(data).hexdigest()}", size=len(data), data=data)

    def descriptor(self, media_type: str, **more: Any) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": self.digest, "size": self.size, **more}


def _scratch_file(folder: str) -> BinaryIO:
    """A file without a name: it is gone with this process, however that ends."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return tempfile.TemporaryFile("w+b", buffering=0, dir=folder)


async def _spool(read: ReadBytes, file: BinaryIO) -> tuple[str, int]:
    """Digest and size of the uncompressed tar, which is in `file` then."""
    loop = asyncio.get_running_loop()

    def next_chunk() -> bytes:
        return asyncio.run_coroutine_threadsafe(_next(read), loop).result()

    # Not one of the threads that serve everyone: this one waits for its client, who may be slow or silent.
    threads = ThreadPoolExecutor(1, thread_name_prefix="import")
    try:
        return await loop.run_in_executor(threads, _write_plain, next_chunk, file)
    finally:
        threads.shutdown(wait=False)


async def _next(read: ReadBytes) -> bytes:
    return await read()


def _write_plain(next_chunk: Any, file: BinaryIO) -> tuple[str, int]:
    digest, size, first = hashlib.sha256(), 0, b""
    for piece in plain_chunks(next_chunk):
        if len(first) < BLOCK:
            first += piece[: BLOCK - len(first)]
            if len(first) == BLOCK and any(first):
                decode_header(first)  # refuse what is no tar before it fills the disk
        digest.update(piece)
        file.write(piece)
        size += len(piece)
    if len(first) < BLOCK:
        raise InvalidArgument("import: unexpected EOF: the input is not a tar archive")
    return f"sha256:{digest.hexdigest()}", size


def _archive(document: dict[str, Any], layer: _Blob, name: str) -> tuple[_Blob, list[tuple[str, _Blob]]]:
    """The manifest, and the members of an OCI archive in their order."""
    config = _Blob.of(document)
    manifest = _Blob.of(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": config.descriptor(CONFIG_TYPE),
            "layers": [layer.descriptor(LAYER_TYPE)],
        }
    )
    annotations = {"annotations": {"io.containerd.image.name": name}} if name else {}
    index = _Blob.of(
        {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [manifest.descriptor(MANIFEST_TYPE, **annotations)]}
    )
    blobs = [(f"blobs/sha256/{blob.digest.partition(':')[2]}", blob) for blob in (config, manifest, layer)]
    return manifest, [("oci-layout", _Blob.of({"imageLayoutVersion": "1.0.0"})), *blobs, ("index.json", index)]


def _pieces(parts: list[tuple[str, _Blob]], file: BinaryIO) -> Iterator[bytes]:
    for name, blob in parts:
        header = Header(name.encode(), REGULAR)
        header.mode, header.size = 0o644, blob.size
        yield encode_header(header)
        if blob.data:
            yield blob.data
        else:
            file.seek(0)
            while piece := file.read(PIECE):
                yield piece
        if padding(blob.size):
            yield bytes(padding(blob.size))
    yield END
