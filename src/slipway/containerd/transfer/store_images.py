"""Writes the names of images; an existing name moves to the new target."""

from collections.abc import Iterable, Mapping

from slipway.base.errors import AlreadyExists, NotFound
from slipway.containerd.images.interface import ImageStore
from slipway.containerd.images.model import Image
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor


def store_names(
    images: ImageStore, scope: Scope, names: Iterable[str], target: Descriptor, labels: Mapping[str, str]
) -> list[Image]:
    """Let every name stand for `target`."""
    return [_store(images, scope, Image(name=name, target=target, labels=labels)) for name in names]


def _store(images: ImageStore, scope: Scope, image: Image) -> Image:
    while True:
        try:
            return images.create(scope, image)
        except AlreadyExists:
            pass
        try:
            return images.update(scope, image)
        except NotFound:
            continue  # deleted between the two: create it again
