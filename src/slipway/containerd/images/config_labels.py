"""The labels that an image's own configuration carries: data of whoever built the image, and never orders to us."""

from collections.abc import Iterator, Mapping
from typing import Final

from slipway.base.errors import EngineError
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.images.interface import ImageStore
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci.image import DOCUMENT_LIMIT, Manifest, decode_config, decode_manifest_or_index

_DEPTH: Final = 3  # an index of indexes is known
_MOST: Final = 256  # documents read for one image


class ImageConfigLabels:
    def __init__(self, images: ImageStore, content: ContentStore) -> None:
        self._images = images
        self._content = content

    def of(self, scope: Scope, name: str) -> frozenset[tuple[str, str]]:
        """Key and value of every label in the configurations of the image `name`, of all its platforms.

        What is not there or cannot be read has none. Blocks on files.
        """
        try:
            target = self._images.get(scope, name).target
        except EngineError:
            return frozenset()
        return frozenset(self._labels(scope, target, [_MOST], _DEPTH))

    def _labels(self, scope: Scope, target: Descriptor, left: list[int], depth: int) -> Iterator[tuple[str, str]]:
        left[0] -= 1
        if left[0] < 0:
            return
        what = f"manifest {target.digest}"
        try:
            data = self._content.read(scope, target.digest, limit=DOCUMENT_LIMIT)
            document = decode_manifest_or_index(data, target.media_type, what)
            if isinstance(document, Manifest):
                config = self._content.read(scope, document.config.digest, limit=DOCUMENT_LIMIT)
                yield from _labels_of(decode_config(config, f"image configuration {document.config.digest}").document)
                return
        except EngineError:
            return
        for entry in document.entries if depth else ():
            yield from self._labels(scope, entry.target, left, depth - 1)


def _labels_of(document: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    config = document.get("config")
    labels = config.get("Labels") if isinstance(config, dict) else None
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if isinstance(value, str):
            yield key, value
