"""Reads what an archive says it is: an OCI layout, or what `docker save` writes. The result is a list of images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from slipway.base.digests import digest_of
from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.json_text import dumps, loads
from slipway.base.references import complete_reference
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.archive_blobs import (
    INDEX_FILE,
    LAYOUT_FILE,
    MANIFEST_FILE,
    Archive,
    Blob,
    store_bytes,
)
from slipway.containerd.transfer.compress_blob import compress_blob, compressed_variant
from slipway.containerd.transfer.names import NAME_ANNOTATION, REF_ANNOTATION
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci import image
from slipway.contracts.oci.platforms import normalized

_LAYOUT_VERSION = "1.0.0"
_LAYER_TYPES = {
    "none": image.DOCKER_LAYER,
    "gzip": image.DOCKER_LAYER_GZIP,
    "zstd": image.DOCKER_LAYER_ZSTD,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """The images of an archive, with their names as annotations, and the bytes of the OCI index that lists them."""

    images: list[Descriptor]
    index: bytes


def images_of(archive: Archive, content: ContentStore, scope: Scope, *, force_compress: bool = False) -> Imported:
    """What is in an archive whose files are in the store.

    Manifests and the index are made where the archive has none; `force_compress` then makes plain layers gzip. Raises
    InvalidArgument for an archive of another kind.
    """
    if LAYOUT_FILE in archive.documents:
        return _from_layout(archive, content, scope)
    if MANIFEST_FILE in archive.documents:
        return _from_docker(archive, content, scope, force_compress=force_compress)
    raise InvalidArgument("read image archive: unrecognized image format", hint="it has no manifest.json or oci-layout")


def _from_layout(archive: Archive, content: ContentStore, scope: Scope) -> Imported:
    layout = loads(archive.documents[LAYOUT_FILE], "oci-layout")
    version = layout.get("imageLayoutVersion") if isinstance(layout, dict) else None
    if version != _LAYOUT_VERSION:
        raise InvalidArgument(f"read image archive: unsupported OCI version {str(version)[:40]}")
    if INDEX_FILE not in archive.documents:
        raise InvalidArgument(f"read image archive: missing index.json in OCI layout {version}")
    index = image.decode_manifest_or_index(archive.documents[INDEX_FILE], image.OCI_INDEX, "index.json")
    assert isinstance(index, image.Index)  # its media type was demanded
    for entry in index.entries:
        _check_present(content, scope, entry.target.digest)
    return Imported(images=[entry.target for entry in index.entries], index=archive.documents[INDEX_FILE])


def _from_docker(archive: Archive, content: ContentStore, scope: Scope, *, force_compress: bool) -> Imported:
    manifests = loads(archive.documents[MANIFEST_FILE], "manifest.json")
    if not isinstance(manifests, list) or not manifests:
        raise InvalidArgument("read image archive: manifest.json lists no images")
    _check_count(manifests, "images")
    layer_of = lru_cache(maxsize=None)(partial(_layer, archive, content, scope, force_compress=force_compress))
    found: list[Descriptor] = []
    entries = []
    for manifest in manifests:
        if not isinstance(manifest, dict):
            raise InvalidArgument("read image archive: manifest.json holds something that is no image")
        config = archive.blob(_text(manifest.get("Config"), "Config"))
        layers = [layer_of(name) for name in _texts(manifest.get("Layers"), "Layers")]
        target = _store_manifest(content, scope, config, layers)
        tags = _texts(manifest.get("RepoTags"), "RepoTags")
        named = [_named(target, tag) for tag in tags] or [target]
        found += named
        entries += [_index_entry(content, scope, config, each) for each in named]
    index = {"schemaVersion": 2, "manifests": entries}
    return Imported(images=found, index=dumps(index).encode())  # type: ignore[arg-type]  # it is JSON by construction


def _check_count(values: Sequence[object], what: str) -> None:
    """As manifests and indexes have at most: a few kilobytes, compressed, could ask for hours of work."""
    if len(values) > image.ENTRY_LIMIT:
        raise InvalidArgument(f"read image archive: manifest.json has more than {image.ENTRY_LIMIT} {what}")


def _layer(archive: Archive, content: ContentStore, scope: Scope, name: str, *, force_compress: bool) -> Descriptor:
    """A layer as the manifest is to name it: by its own bytes, or by a compressed copy of them."""
    blob = archive.blob(name)
    if blob.compression not in _LAYER_TYPES:
        raise InvalidArgument(f"read image archive: layer {name[:200]!r} is compressed by {blob.compression}")
    if blob.compression == "none":
        variant = compressed_variant(content, scope, blob)
        if variant is None and force_compress:
            variant = compress_blob(content, scope, blob)
        blob = variant or blob
    return Descriptor(media_type=_LAYER_TYPES[blob.compression], digest=blob.digest, size=blob.size)


def _index_entry(content: ContentStore, scope: Scope, config: Blob, target: Descriptor) -> dict[str, object]:
    """With the platform that the configuration says, in the original's spelling of it."""
    data = content.read(scope, config.digest, limit=image.DOCUMENT_LIMIT)
    platform = normalized(image.decode_config(data, f"image configuration {config.digest}").platform)
    entry = image.document_from_descriptor(target, platform)
    names = {"architecture": platform.architecture, "os": platform.os}
    return {**entry, "platform": {**names, **entry["platform"]}}  # type: ignore[dict-item]  # it is an object


def _store_manifest(content: ContentStore, scope: Scope, config: Blob, layers: list[Descriptor]) -> Descriptor:
    """The manifest that this image would have in a registry, byte for byte as the original makes it."""
    described = Descriptor(media_type=image.DOCKER_CONFIG, digest=config.digest, size=config.size)
    document = {
        "schemaVersion": 2,
        "mediaType": image.DOCKER_MANIFEST,
        "config": image.document_from_descriptor(described),
        "layers": [image.document_from_descriptor(layer) for layer in layers],
    }
    data = dumps(document).encode()  # type: ignore[arg-type]  # it is JSON by construction
    digest = digest_of(data)
    store_bytes(content, scope, f"manifest-{digest}", data, digest)
    return Descriptor(media_type=image.DOCKER_MANIFEST, digest=digest, size=len(data))


def _named(target: Descriptor, tag: str) -> Descriptor:
    reference = complete_reference(tag)
    return replace(target, annotations={NAME_ANNOTATION: reference.complete, REF_ANNOTATION: reference.object})


def _check_present(content: ContentStore, scope: Scope, digest: str) -> None:
    try:
        content.info(scope, digest)
    except NotFound:
        raise InvalidArgument(f"read image archive: it lacks the manifest {digest}") from None


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidArgument(f"read image archive: {what} in manifest.json is not text")
    return value


def _texts(value: object, what: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidArgument(f"read image archive: {what} in manifest.json is not a list")
    _check_count(value, what)
    return [_text(item, what) for item in value]
