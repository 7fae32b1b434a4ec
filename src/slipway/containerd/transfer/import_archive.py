"""Reads what an archive says it is: an OCI layout, or what `docker save` writes. The result is a list of images."""

from collections.abc import Mapping
from dataclasses import replace

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
    store_bytes,
)
from slipway.containerd.transfer.names import NAME_ANNOTATION, REF_ANNOTATION
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci import image

_LAYOUT_VERSION = "1.0.0"
_LAYER_TYPES = {
    "none": image.DOCKER_LAYER,
    "gzip": image.DOCKER_LAYER_GZIP,
    "zstd": image.DOCKER_LAYER_ZSTD,
}


def images_of(archive: Archive, content: ContentStore, scope: Scope) -> list[Descriptor]:
    """The images of an archive whose files are in the store, with their names as annotations.

    Manifests that the archive has none of are made. Raises InvalidArgument for an archive of another kind.
    """
    if LAYOUT_FILE in archive.documents:
        return _from_layout(archive, content, scope)
    if MANIFEST_FILE in archive.documents:
        return _from_docker(archive, content, scope)
    raise InvalidArgument("read image archive: unrecognized image format", hint="it has no manifest.json or oci-layout")


def _from_layout(archive: Archive, content: ContentStore, scope: Scope) -> list[Descriptor]:
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
    return [entry.target for entry in index.entries]


def _from_docker(archive: Archive, content: ContentStore, scope: Scope) -> list[Descriptor]:
    manifests = loads(archive.documents[MANIFEST_FILE], "manifest.json")
    if not isinstance(manifests, list) or not manifests:
        raise InvalidArgument("read image archive: manifest.json lists no images")
    found = []
    for manifest in manifests:
        if not isinstance(manifest, dict):
            raise InvalidArgument("read image archive: manifest.json holds something that is no image")
        target = _store_manifest(archive, content, scope, manifest)
        tags = _texts(manifest.get("RepoTags"), "RepoTags")
        found += [_named(target, tag) for tag in tags] or [target]
    return found


def _store_manifest(
    archive: Archive, content: ContentStore, scope: Scope, manifest: Mapping[str, object]
) -> Descriptor:
    """The manifest that this image would have in a registry, byte for byte as the original makes it."""
    config = archive.blob(_text(manifest.get("Config"), "Config"))
    layers = []
    for name in _texts(manifest.get("Layers"), "Layers"):
        blob = archive.blob(name)
        if blob.compression not in _LAYER_TYPES:
            raise InvalidArgument(f"read image archive: layer {name[:200]!r} is compressed by {blob.compression}")
        layers.append(Descriptor(media_type=_LAYER_TYPES[blob.compression], digest=blob.digest, size=blob.size))
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
    return [_text(item, what) for item in value]
