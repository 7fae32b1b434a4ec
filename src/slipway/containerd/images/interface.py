"""The image store: its contract. Every method blocks on the database: call it from a thread."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from slipway.containerd.images.model import Image
from slipway.containerd.metadata.model import Scope


class ImageStore(Protocol):
    """Names for descriptors. A name keeps its content from collection. Every change publishes its event."""

    def get(self, scope: Scope, name: str) -> Image:
        """Raises NotFound."""
        ...

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> list[Image]:
        """All images that one of the filters matches (no filter: all), by name."""
        ...

    def create(self, scope: Scope, image: Image) -> Image:
        """Raises AlreadyExists; InvalidArgument for an empty name or a malformed descriptor or label."""
        ...

    def update(self, scope: Scope, image: Image, fields: Iterable[str] = ()) -> Image:
        """Replace the whole row, or only `fields` of it: target, labels, labels.KEY, annotations. Raises NotFound."""
        ...

    def delete(self, scope: Scope, name: str) -> None:
        """Forget the name; its content goes with the next collection. Raises NotFound."""
        ...
