"""Manifests and indexes in the content store: read, followed to the wanted platforms, and labelled for collection."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.base.errors import NotFound
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci import platforms
from slipway.contracts.oci.image import (
    CONFIG_TYPES,
    DOCUMENT_LIMIT,
    MANIFEST_TYPES,
    ImageConfig,
    Index,
    Manifest,
    decode_config,
    decode_manifest_or_index,
    is_layer_type,
)

_LABEL: Final = "containerd.io/gc.ref.content."
_DEPTH: Final = 4  # an index of indexes is known; more is somebody's mistake, or a loop


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageManifest:
    """One image for one platform: the manifest, where it lies, and its configuration."""

    target: Descriptor
    manifest: Manifest
    config: ImageConfig


class Documents:
    """Documents of one scope. Blocks on files."""

    def __init__(self, content: ContentStore, scope: Scope) -> None:
        self._content = content
        self._scope = scope

    def read(self, target: Descriptor) -> Manifest | Index:
        """Raises NotFound, InvalidArgument."""
        data = self._content.read(self._scope, target.digest, limit=DOCUMENT_LIMIT)
        return decode_manifest_or_index(data, target.media_type, f"decode manifest {target.digest}")

    def read_config(self, target: Descriptor) -> ImageConfig:
        data = self._content.read(self._scope, target.digest, limit=DOCUMENT_LIMIT)
        return decode_config(data, f"image configuration {target.digest}")

    def images(
        self,
        target: Descriptor,
        wanted: Sequence[Platform],
        *,
        visit: Callable[[Descriptor, Manifest | Index], None] = lambda target, document: None,
        depth: int = _DEPTH,
    ) -> Iterator[ImageManifest]:
        """The images that `target` leads to, one per wanted platform that it has; all, where none is wanted.

        `visit` sees every document on the way. Raises NotFound, InvalidArgument.
        """
        document = self.read(target)
        visit(target, document)
        if isinstance(document, Manifest):
            yield ImageManifest(target=target, manifest=document, config=self.read_config(document.config))
        elif depth:
            for chosen in children_of(document, wanted):
                yield from self.images(chosen, wanted, visit=visit, depth=depth - 1)

    def label(self, target: Descriptor, document: Manifest | Index) -> None:
        """Let a document keep what it names, as long as something keeps the document."""
        labels = keeping_labels(document)
        if labels:
            self._content.update(self._scope, target.digest, labels, [f"labels.{key}" for key in labels])

    def has(self, digest: str) -> bool:
        try:
            self._content.info(self._scope, digest)
        except NotFound:
            return False
        return True


def children_of(index: Index, wanted: Sequence[Platform]) -> list[Descriptor]:
    """What to follow of an index: for each wanted platform the best manifest, else what names no platform.

    Everything, where no platform is wanted.
    """
    if not wanted:
        return list({entry.target.digest: entry.target for entry in index.entries}.values())
    found = []
    for platform in wanted:
        entry = platforms.choose(index.entries, platform)
        if entry is not None and entry.target not in found:
            found.append(entry.target)
    if not found:
        found = [entry.target for entry in index.entries if entry.platform is None]
    return found


def keeping_labels(document: Manifest | Index) -> Mapping[str, str]:
    """containerd's names for what a document refers to: config, l.0, l.1, ..., m.0, m.1, ..., or 0, 1, ...."""
    if isinstance(document, Index):
        children = [entry.target for entry in document.entries]
    else:
        children = [document.config, *document.layers]
    labels = {}
    counts: Counter[str] = Counter()
    for child in children:
        kind = _label_kind(child.media_type)
        number = "" if kind == "config" and not counts[kind] else str(counts[kind])
        labels[f"{_LABEL}{kind}{number}"] = child.digest
        counts[kind] += 1
    return labels


def _label_kind(media_type: str) -> str:
    if media_type in CONFIG_TYPES:
        return "config"
    if media_type in MANIFEST_TYPES:
        return "m."
    return "l." if is_layer_type(media_type) else ""
