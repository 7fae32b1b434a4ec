"""What the daemon reads of images that their authors, and not we, have written."""

import asyncio
import hashlib
import json
from typing import Any

import pytest

from slipway.base.errors import NotFound
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci.image import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from slipway.dockerd.images.content import ContentReader
from slipway.dockerd.images.describe import history_documents
from slipway.dockerd.images.model import NamedImage

AMD64 = {"os": "linux", "architecture": "amd64"}
ATTESTS = {"vnd.docker.reference.type": "attestation-manifest"}


class Blobs:
    """A content store; `reads` are digests."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.reads: list[str] = []

    async def read(self, digest: str, *, limit: int) -> bytes:
        self.reads.append(digest)
        if digest not in self.blobs:
            raise NotFound(f"content {digest}: not found")
        return self.blobs[digest]

    def add(self, document: Any, media_type: str) -> dict[str, Any]:
        data = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def image(self, **fields: Any) -> dict[str, Any]:
        config = self.add({**AMD64, "config": {}, "rootfs": {"type": "layers", "diff_ids": []}, **fields}, OCI_CONFIG)
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
        return self.add(manifest, OCI_MANIFEST)


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


@pytest.fixture
def reader(blobs: Blobs) -> ContentReader:
    return ContentReader(blobs, Platform(os="linux", architecture="amd64"))  # type: ignore[arg-type] # all it uses


def read(reader: ContentReader, entry: dict[str, Any]) -> Any:
    target = Descriptor(media_type=entry["mediaType"], digest=entry["digest"], size=entry["size"])
    return asyncio.run(reader.read(target))


@pytest.mark.parametrize(
    "decoy",
    [
        {"platform": AMD64, "annotations": ATTESTS},
        {"platform": {**AMD64, "variant": "v3"}},
        {"platform": {"os": "linux", "architecture": "arm64"}},
    ],
)
def test_of_an_index_the_manifest_is_shown_that_containerd_unpacks(
    blobs: Blobs, reader: ContentReader, decoy: dict[str, Any]
) -> None:
    wanted, other = blobs.image(author="wanted"), blobs.image(author="other")
    entries = [{**other, **decoy}, {**wanted, "platform": {"os": "linux", "architecture": "x86_64"}}]
    index = blobs.add({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, OCI_INDEX)
    assert read(reader, index).document["author"] == "wanted"


def test_an_index_of_other_platforms_says_so(blobs: Blobs, reader: ContentReader) -> None:
    entries = [{**blobs.image(), "platform": {"os": "linux", "architecture": "arm64"}}]
    index = blobs.add({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, OCI_INDEX)
    with pytest.raises(NotFound, match="does not provide the specified platform"):
        read(reader, index)


@pytest.mark.parametrize("history", [["x", {"comment": "c"}], {"a": 1}, "x", [None], 7])
def test_a_history_that_is_none_is_passed_over(blobs: Blobs, reader: ContentReader, history: object) -> None:
    content = read(reader, blobs.image(history=history))
    found = history_documents(NamedImage(content=content, names=()), [])
    assert [entry["Comment"] for entry in found] == (["c"] if history == ["x", {"comment": "c"}] else [])


def test_a_short_configuration_is_kept_and_a_long_one_is_not(blobs: Blobs, reader: ContentReader) -> None:
    short, long = blobs.image(), blobs.image(author="x" * 100_000)
    for entry, reads in ((short, 2), (long, 6)):
        blobs.reads.clear()
        for _ in range(3):
            read(reader, entry)
        assert len(blobs.reads) == reads
