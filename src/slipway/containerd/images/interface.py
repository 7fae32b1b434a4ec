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

    def create(self, scope: Scope, image: Image, *, at: int | None = None) -> Image:
        """`at` is its time, in nanoseconds since the epoch (None: now).

        An image that expires by its label is held by the lease of the scope. Raises AlreadyExists; InvalidArgument for
        an empty name or a malformed descriptor or label.
        """
        ...

    def update(self, scope: Scope, image: Image, fields: Iterable[str] = (), *, at: int | None = None) -> Image:
        """Replace the whole row, or only `fields` of it: target, labels, labels.KEY, annotations, annotations.KEY.

        Raises NotFound, InvalidArgument.
        """
        ...

    def delete(self, scope: Scope, name: str, *, target: str = "") -> None:
        """Forget the name; its content goes with the next collection. Raises NotFound, also where the name has another
        digest than `target` (empty: whichever)."""
        ...
