"""Layers in the content store, found by the name of the snapshot that they make: see snapshots/interface.Layers."""

from collections.abc import Sequence

from slipway.base.digests import digest_of
from slipway.base.errors import InvalidArgument, NotFound
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.content.model import ContentInfo
from slipway.containerd.diff.compare import UNCOMPRESSED_LABEL
from slipway.containerd.diff.interface import Differ
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor, Mount
from slipway.contracts.oci.image import OCI_LAYER


class StoredLayers:
    """A snapshot of an image is named by the chain of its layers' plain digests, which each blob's label tells."""

    def __init__(self, content: ContentStore, differ: Differ) -> None:
        self._content = content
        self._differ = differ

    def has(self, namespace: str, name: str, parent: str) -> bool:
        return self._find(Scope(namespace), name, parent) is not None

    def fill(self, namespace: str, name: str, parent: str, mounts: Sequence[Mount]) -> None:
        scope = Scope(namespace)
        found = self._find(scope, name, parent)
        if found is None:
            raise NotFound(f"snapshot {name}: no content makes it")
        # Which of the media types does not matter: the first bytes tell how it is compressed.
        layer = Descriptor(media_type=OCI_LAYER, digest=found.digest, size=found.size)
        plain = self._differ.apply(scope, layer, mounts)
        if _name(plain.digest, parent) != name:
            raise InvalidArgument(f"make snapshot {name} again: {found.digest} has another content than its label says")

    def _find(self, scope: Scope, name: str, parent: str) -> ContentInfo | None:
        for info in self._content.list(scope):
            plain = info.labels.get(UNCOMPRESSED_LABEL, info.digest)
            if _name(plain, parent) == name:
                return info
        return None


def _name(plain: str, parent: str) -> str:
    return digest_of(f"{parent} {plain}".encode()) if parent else plain
