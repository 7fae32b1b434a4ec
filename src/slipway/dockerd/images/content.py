"""Reads an image's manifest and configuration out of containerd's content store, once per image."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import orjson

from slipway.base.errors import InvalidArgument, NotFound
from slipway.clients.containerd.content import Content
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.schema import decode
from slipway.contracts.oci import platforms
from slipway.contracts.oci.image import INDEX_TYPES, Index, decode_manifest_or_index
from slipway.dockerd.images.model import ImageContent

DOCUMENT_LIMIT: Final = 4 * 1024 * 1024  # as containerd and registries hold manifests
KEPT: Final = 256
KEPT_TEXT: Final = 64 * 1024  # a longer configuration is read again each time: decoded, it takes ten times as much


class ContentReader:
    """From target descriptors to `ImageContent`; the last ones are kept, as they cannot change."""

    def __init__(self, content: Content, platform: Platform) -> None:
        self._content = content
        self._platform = platform
        self._known: OrderedDict[str, ImageContent] = OrderedDict()

    async def read(self, target: Descriptor) -> ImageContent:
        """Raises NotFound (no manifest for this platform, a blob is missing), InvalidArgument (this is no image)."""
        known = self._known.get(target.digest)
        if known is not None:
            self._known.move_to_end(target.digest)
            return known
        content, size = await self._read(target)
        if size > KEPT_TEXT:
            return content
        self._known[target.digest] = content
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return content

    def forget(self, digest: str) -> None:
        self._known.pop(digest, None)

    async def _read(self, target: Descriptor) -> tuple[ImageContent, int]:
        """The size is that of the configuration's text."""
        manifest_descriptor = target
        data = await self._blob(target.digest)
        if target.media_type in INDEX_TYPES or "manifests" in _object(data, target.digest):
            manifest_descriptor = self._choose(data, target)
            data = await self._blob(manifest_descriptor.digest)
        manifest = _object(data, manifest_descriptor.digest)
        try:
            text = await self._blob(manifest["config"]["digest"])
            document = _object(text, manifest["config"]["digest"])
            diff_ids = tuple(document["rootfs"]["diff_ids"])
            content = ImageContent(
                id=target.digest,
                target=target,
                manifest=manifest_descriptor,
                layers=tuple(descriptor_from_document(layer) for layer in manifest.get("layers") or ()),
                diff_ids=diff_ids,
                chain_id=chain_id(diff_ids),
                config=decode(ContainerConfig, document.get("config") or {}, "image configuration"),
                document=document,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidArgument(f"read image {target.digest}: malformed manifest or configuration") from error
        return content, len(text)

    def _choose(self, data: bytes, index: Descriptor) -> Descriptor:
        """The manifest for this platform, by containerd's rules: what is shown has to be what was unpacked."""
        document = decode_manifest_or_index(data, index.media_type, f"read image {index.digest}")
        entry = platforms.choose(document.entries, self._platform) if isinstance(document, Index) else None
        if entry is None:
            raise NotFound(
                f"image with reference {index.digest} was found but does not provide the specified platform"
                f" ({self._platform.os}/{self._platform.architecture})"
            )
        return entry.target

    async def _blob(self, digest: str) -> bytes:
        return await self._content.read(digest, limit=DOCUMENT_LIMIT)


def _object(data: bytes, digest: str) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"read blob {digest}: not JSON") from error
    if not isinstance(document, dict):
        raise InvalidArgument(f"read blob {digest}: not a JSON object")
    return document


def descriptor_from_document(document: Mapping[str, Any]) -> Descriptor:
    """An OCI descriptor as its JSON has it."""
    return Descriptor(
        media_type=document.get("mediaType", ""),
        digest=document["digest"],
        size=document["size"],
        annotations=document.get("annotations") or {},
    )


def chain_id(diff_ids: tuple[str, ...]) -> str:
    """The name of the snapshot of these layers (OCI image spec, "Layer ChainID"); empty for none."""
    chain = ""
    for diff_id in diff_ids:
        chain = f"sha256:{hashlib.sha256(f'{chain} {diff_id}'.encode()).hexdigest()}" if chain else diff_id
    return chain
