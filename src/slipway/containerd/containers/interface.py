"""What other nouns ask of containers."""

from typing import Protocol

from slipway.containerd.containers.model import Container
from slipway.containerd.metadata.model import Scope


class ContainerReader(Protocol):
    def get(self, scope: Scope, container_id: str) -> Container:
        """Raises NotFound. Blocks on the database: call it from a thread."""
        ...


class ImageLabels(Protocol):
    def of(self, scope: Scope, name: str) -> frozenset[tuple[str, str]] | None:
        """Key and value of every label in an image's configuration; None where that cannot be told.

        Blocks on files: call it from a thread."""
        ...
