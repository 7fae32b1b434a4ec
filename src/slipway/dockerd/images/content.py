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
from slipway.dockerd.images.model import ImageContent

DOCUMENT_LIMIT: Final = 4 * 1024 * 1024  # as containerd and registries hold manifests
INDEX_TYPES: Final = frozenset(
    ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
)
KEPT: Final = 256


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
        content = await self._read(target)
        self._known[target.digest] = content
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return content

    def forget(self, digest: str) -> None:
        self._known.pop(digest, None)

    async def _read(self, target: Descriptor) -> ImageContent:
        manifest_descriptor = target
        manifest = await self._document(target.digest)
        if target.media_type in INDEX_TYPES or "manifests" in manifest:
            manifest_descriptor = self._choose(manifest, target.digest)
            manifest = await self._document(manifest_descriptor.digest)
        try:
            document = await self._document(manifest["config"]["digest"])
            diff_ids = tuple(document["rootfs"]["diff_ids"])
            return ImageContent(
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

    def _choose(self, index: Mapping[str, Any], digest: str) -> Descriptor:
        """The manifest for this platform; of several variants the first, as the index orders them."""
        for entry in index.get("manifests") or ():
            platform = entry.get("platform") or {}
            if (platform.get("os"), platform.get("architecture")) == (self._platform.os, self._platform.architecture):
                return descriptor_from_document(entry)
        raise NotFound(
            f"image with reference {digest} was found but does not provide the specified platform"
            f" ({self._platform.os}/{self._platform.architecture})"
        )

    async def _document(self, digest: str) -> dict[str, Any]:
        try:
            document = orjson.loads(await self._content.read(digest, limit=DOCUMENT_LIMIT))
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
