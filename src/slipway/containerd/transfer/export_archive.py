"""Images as one tar: an OCI layout, with the manifest.json that every `docker load` reads. Blocks: runs in threads.

Entries are sorted and without times: the same images give the same bytes, and the original's own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from slipway.archive.tar_writer import TarWriter
from slipway.base.digests import new_hash, split_digest
from slipway.base.errors import InternalError, InvalidArgument, NotFound
from slipway.base.json_text import dumps
from slipway.base.references import parse_reference
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.images.model import Image
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.documents import Documents, children_of
from slipway.containerd.transfer.names import NAME_ANNOTATION, REF_ANNOTATION
from slipway.containerd.transfer.sources import all_sources
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci.image import FOREIGN_LAYERS, OCI_INDEX, Index, Manifest, document_from_descriptor

_LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'
_PIECE: Final = 1 << 20
_FILE_MODE: Final = 0o444
_DEPTH: Final = 4


@dataclass(slots=True)
class Selection:
    """What goes into the archive: blobs by digest, and of each image the one manifest that `docker load` may take."""

    blobs: dict[str, Descriptor]
    manifests: list[tuple[Image, str, Manifest]]


def select(
    documents: Documents, images: Iterable[Image], wanted: Sequence[Platform], *, everything: bool, skip_foreign: bool
) -> Selection:
    """Follow every image to the wanted platforms, best first; or to all. Raises NotFound where one has none of them."""
    selection = Selection({}, [])
    for image in images:
        best = _best(documents, image.target, wanted, _DEPTH)
        if best is not None:
            selection.manifests.append((image, *best))
        elif not everything:
            raise NotFound(f"export {image.name}: no match for platform in manifest")
        for target, document in _followed(documents, image, image.target, () if everything else wanted, _DEPTH):
            selection.blobs[target.digest] = target
            if isinstance(document, Manifest):
                blobs = (document.config, *document.layers)
                kept = (blob for blob in blobs if not (skip_foreign and blob.media_type in FOREIGN_LAYERS))
                selection.blobs.update({blob.digest: blob for blob in kept})
    return selection


def write_archive(
    content: ContentStore,
    scope: Scope,
    images: Iterable[Image],
    selection: Selection,
    write: Callable[[bytes], object],
    *,
    compatible: bool,
) -> None:
    """Write the tar. `compatible` adds manifest.json. Raises NotFound for a blob that is gone."""
    writer = TarWriter(write)
    algorithms = sorted({split_digest(digest)[0] for digest in selection.blobs})
    writer.add_directory(b"blobs")
    for algorithm in algorithms:
        writer.add_directory(f"blobs/{algorithm}".encode())
        for digest in sorted(selection.blobs):
            if digest.startswith(f"{algorithm}:"):
                _write_blob(content, scope, digest, writer, write)
    writer.add_bytes(b"index.json", _json(_index(content, scope, images)))
    if compatible:
        writer.add_bytes(b"manifest.json", _json(_docker_manifests(selection)))
    writer.add_bytes(b"oci-layout", _LAYOUT, mode=_FILE_MODE)
    writer.end()


def _best(
    documents: Documents, target: Descriptor, wanted: Sequence[Platform], depth: int
) -> tuple[str, Manifest] | None:
    """The first manifest, and its digest."""
    document = documents.read(target)
    if isinstance(document, Manifest):
        return target.digest, document
    for child in children_of(document, wanted) if depth else ():
        if (found := _best(documents, child, wanted, depth - 1)) is not None:
            return found
    return None


def _followed(
    documents: Documents, image: Image, target: Descriptor, wanted: Sequence[Platform], depth: int
) -> Iterator[tuple[Descriptor, Manifest | Index]]:
    """The document `target` and all below it. Raises NotFound, InvalidArgument."""
    document = documents.read(target)
    yield target, document
    if isinstance(document, Manifest):
        return
    if not depth:
        raise InvalidArgument(f"export {image.name}: indexes of indexes go too deep")
    for child in children_of(document, wanted):
        yield from _followed(documents, image, child, wanted, depth - 1)


def _write_blob(
    content: ContentStore, scope: Scope, digest: str, writer: TarWriter, write: Callable[[bytes], object]
) -> None:
    running = new_hash(digest)
    with content.reader(scope, digest) as reader:
        padding = writer.begin_file(_blob_name(digest).encode(), reader.size, mode=_FILE_MODE)
        offset = 0
        while offset < reader.size:
            piece = reader.read_at(offset, _PIECE)
            running.update(piece)
            write(piece)
            offset += len(piece)
        write(bytes(padding))
    if running.hexdigest() != split_digest(digest)[1]:
        raise InternalError(f"export blob {digest}: what is stored under it is damaged")


def _index(content: ContentStore, scope: Scope, images: Iterable[Image]) -> dict[str, Any]:
    entries = []
    for image in images:
        sources = all_sources(content.info(scope, image.target.digest).labels)
        annotations: Mapping[str, str] = dict(
            sorted({**image.target.annotations, **_names_of(image.name), **sources}.items())
        )
        entries.append(document_from_descriptor(replace(image.target, annotations=annotations)))
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}


def _names_of(name: str) -> dict[str, str]:
    """The annotations by which an import gives the image its name again; dockerd's nameless images have none."""
    if "/" not in name and "@" in name:
        return {}
    return {NAME_ANNOTATION: name, REF_ANNOTATION: _object_of(name)}


def _object_of(name: str) -> str:
    """What follows the repository, with the @ of a digest; of a name that is no reference all of it."""
    try:
        reference = parse_reference(name)
    except InvalidArgument:
        return name
    digest = f"@{reference.digest}" if reference.digest else ""
    return f"{reference.tag}{digest}"


def _docker_manifests(selection: Selection) -> list[dict[str, Any]]:
    """One entry per image, with all the names that it has here."""
    entries: dict[str, dict[str, Any]] = {}
    for image, digest, manifest in selection.manifests:
        entry = entries.setdefault(
            digest,
            {
                "Config": _blob_name(manifest.config.digest),
                "RepoTags": [],
                "Layers": [_blob_name(layer.digest) for layer in manifest.layers],
            },
        )
        reference = parse_reference(image.name)
        if reference.tag and reference.familiar not in entry["RepoTags"]:
            entry["RepoTags"].append(reference.familiar)
    return list(entries.values())


def _blob_name(digest: str) -> str:
    algorithm, digits = split_digest(digest)
    return f"blobs/{algorithm}/{digits}"


def _json(value: Any) -> bytes:
    return dumps(value).encode()
