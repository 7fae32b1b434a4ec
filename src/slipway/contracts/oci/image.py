"""Image documents: manifests, indexes and configurations, OCI's and Docker's, decoded and checked. Pure.

One blob must not be readable as two kinds of document (CVE-2021-41190): whatever holds the fields of both is refused,
and a document's own media type must be the one it was announced with. Source: OCI image specification 1.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeGuard

from slipway.base.digests import check_digest, is_digest
from slipway.base.errors import InvalidArgument
from slipway.base.json_text import loads
from slipway.contracts.containerd_api.types import Descriptor, Platform

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = f"{OCI_LAYER}+gzip"
OCI_LAYER_ZSTD: Final = f"{OCI_LAYER}+zstd"
_OCI_LAYER_FOREIGN: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP: Final = f"{DOCKER_LAYER}.gzip"
DOCKER_LAYER_ZSTD: Final = f"{DOCKER_LAYER}.zstd"
_DOCKER_LAYER_FOREIGN: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar"
IN_TOTO: Final = "application/vnd.in-toto+json"  # what BuildKit says of a build
SCHEMA_1: Final = (
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
)

INDEX_TYPES: Final = frozenset((OCI_INDEX, DOCKER_LIST))
MANIFEST_TYPES: Final = frozenset((OCI_MANIFEST, DOCKER_MANIFEST))
CONFIG_TYPES: Final = frozenset((OCI_CONFIG, DOCKER_CONFIG))
# Of each layer's media type the compression; "" says that the bytes tell.
LAYER_COMPRESSION: Final[Mapping[str, str]] = {
    OCI_LAYER: "none",
    OCI_LAYER_GZIP: "gzip",
    OCI_LAYER_ZSTD: "zstd",
    _OCI_LAYER_FOREIGN: "none",
    f"{_OCI_LAYER_FOREIGN}+gzip": "gzip",
    f"{_OCI_LAYER_FOREIGN}+zstd": "zstd",
    DOCKER_LAYER: "",
    DOCKER_LAYER_GZIP: "gzip",
    DOCKER_LAYER_ZSTD: "zstd",
    _DOCKER_LAYER_FOREIGN: "",
    f"{_DOCKER_LAYER_FOREIGN}.gzip": "gzip",
}
FOREIGN_LAYERS: Final = frozenset(
    name for name in LAYER_COMPRESSION if "nondistributable" in name or ".foreign." in name
)

DOCUMENT_LIMIT: Final = 8 << 20  # bytes; containerd's bound for what it reads whole
ENTRY_LIMIT: Final = 4096  # layers or manifests; the largest real index has about 200

_Object = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One image for one platform."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexEntry:
    """One manifest of an index. `platform` is None where the index does not say."""

    target: Descriptor
    platform: Platform | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """Manifests to choose from, in their author's order."""

    media_type: str
    entries: tuple[IndexEntry, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageConfig:
    """What unpacking needs of a configuration. `document` is all of it."""

    platform: Platform
    diff_ids: tuple[str, ...]
    document: _Object = field(repr=False)


def decode_manifest_or_index(data: bytes, announced: str, what: str) -> Manifest | Index:
    """Read a blob that was announced as media type `announced` (empty: the document says).

    Raises InvalidArgument naming `what` for schema 1, ambiguous or malformed documents.
    """
    document = _object(loads(data, what), what)
    if announced in SCHEMA_1 or document.get("schemaVersion") == 1 or "fsLayers" in document:
        raise InvalidArgument(f"{what}: schema 1 image manifests are no longer supported")
    own = _text(document, "mediaType", what)
    is_index = "manifests" in document
    if is_index and any(name in document for name in ("config", "layers")):
        raise InvalidArgument(f"{what}: it reads as a manifest and as an index; refusing it (CVE-2021-41190)")
    if own and announced and own != announced:
        raise InvalidArgument(f"{what}: it says it is {own}, but was announced as {announced}")
    media_type = own or announced or (OCI_INDEX if is_index else OCI_MANIFEST)
    if is_index != (media_type in INDEX_TYPES) or media_type not in INDEX_TYPES | MANIFEST_TYPES:
        raise InvalidArgument(f"{what}: its fields are not those of {media_type}")
    return _index(document, media_type, what) if is_index else _manifest(document, media_type, what)


def decode_config(data: bytes, what: str) -> ImageConfig:
    """Read an image configuration. Raises InvalidArgument naming `what`."""
    document = _object(loads(data, what), what)
    root = _object(document.get("rootfs") or {}, f"{what}: rootfs")
    diff_ids = _list(root.get("diff_ids"), f"{what}: rootfs.diff_ids")
    for diff_id in diff_ids:
        if not isinstance(diff_id, str) or not is_digest(diff_id):
            raise InvalidArgument(f"{what}: rootfs.diff_ids holds {str(diff_id)[:80]!r}, which is no digest")
    platform = platform_from_document(document, what)
    return ImageConfig(
        platform=platform or Platform(os="", architecture=""),
        diff_ids=tuple(str(diff_id) for diff_id in diff_ids),
        document=document,
    )


def descriptor_from_document(value: object, what: str) -> Descriptor:
    """Raises InvalidArgument for a descriptor without digest or with a size that is none."""
    document = _object(value, what)
    size = document.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or size >= 1 << 63:
        raise InvalidArgument(f"{what}: size is {str(size)[:40]!r}, which is no size")
    annotations = _object(document.get("annotations") or {}, f"{what}: annotations")
    return Descriptor(
        media_type=_text(document, "mediaType", what),
        digest=check_digest(_text(document, "digest", what)),
        size=size,
        annotations={key: value for key, value in annotations.items() if isinstance(value, str)},
    )


def document_from_descriptor(descriptor: Descriptor, platform: Platform | None = None) -> dict[str, object]:
    """The inverse of `descriptor_from_document`, in the field order of Go's encoder."""
    document: dict[str, object] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    if descriptor.annotations:
        document["annotations"] = dict(descriptor.annotations)
    if platform is not None:
        names = {"architecture": platform.architecture, "os": platform.os, "os.version": platform.os_version}
        names["variant"] = platform.variant
        document["platform"] = {key: value for key, value in names.items() if value}
    return document


def platform_from_document(value: object, what: str) -> Platform | None:
    """A platform object; None where there is none or it names no system."""
    if value is None:
        return None
    document = _object(value, f"{what}: platform")
    platform = Platform(
        os=_text(document, "os", what),
        architecture=_text(document, "architecture", what),
        variant=_text(document, "variant", what),
        os_version=_text(document, "os.version", what),
    )
    return platform if platform.os or platform.architecture else None


def is_layer_type(media_type: str) -> bool:
    return media_type in LAYER_COMPRESSION


def _manifest(document: _Object, media_type: str, what: str) -> Manifest:
    if "config" not in document:
        raise InvalidArgument(f"{what}: a manifest without config")
    layers = _list(document.get("layers"), f"{what}: layers")
    return Manifest(
        media_type=media_type,
        config=descriptor_from_document(document["config"], f"{what}: config"),
        layers=tuple(descriptor_from_document(layer, f"{what}: layer {at}") for at, layer in enumerate(layers)),
    )


def _index(document: _Object, media_type: str, what: str) -> Index:
    entries = []
    for at, value in enumerate(_list(document.get("manifests"), f"{what}: manifests")):
        where = f"{what}: manifest {at}"
        entry = _object(value, where)
        platform = platform_from_document(entry.get("platform"), where)
        entries.append(IndexEntry(target=descriptor_from_document(entry, where), platform=platform))
    return Index(media_type=media_type, entries=tuple(entries))


def _is_object(value: object) -> TypeGuard[_Object]:
    return isinstance(value, dict)


def _object(value: object, what: str) -> _Object:
    if not _is_object(value):
        raise InvalidArgument(f"{what}: not a JSON object")
    return value


def _list(value: object, what: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > ENTRY_LIMIT:
        raise InvalidArgument(f"{what}: not a list of at most {ENTRY_LIMIT}")
    return value


def _text(document: _Object, name: str, what: str) -> str:
    value = document.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidArgument(f"{what}: {name} is not text")
    return value
