"""Makes the snapshots of an image: one committed snapshot per layer, named by its chain id. Blocks: runs in threads."""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

from slipway.base.digests import chain_ids
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.containerd.transfer.compress_blob import UNCOMPRESSED_LABEL
from slipway.containerd.transfer.documents import ImageManifest
from slipway.containerd.transfer.interface import Report
from slipway.containerd.transfer.model import Progress, Unpack
from slipway.containerd.transfer.references import ref_of
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.containerd_api.types import Descriptor, Mount
from slipway.contracts.oci import platforms

_REFERENCE_LABEL: Final = "containerd.io/snapshot.ref"
_SNAPSHOT_LABEL: Final = "containerd.io/gc.ref.snapshot."

WaitForLayer = Callable[[Descriptor], None]
"""Returns when the layer's blob is there."""


class Unpacker:
    """Unpacks images of one scope, as a destination asks."""

    def __init__(self, stores: Stores, scope: Scope, unpacks: Sequence[Unpack], report: Report) -> None:
        self._stores = stores
        self._scope = scope
        self._unpacks = unpacks
        self._report = report

    def wants(self, image: ImageManifest) -> Unpack | None:
        """The first unpack whose platform the image fits; an image without platform fits all."""
        for unpack in self._unpacks:
            if not image.config.platform.os or platforms.matches(unpack.platform, image.config.platform):
                return unpack
        return None

    def unpack(self, image: ImageManifest, wait_for_layer: WaitForLayer = lambda layer: None) -> None:
        """Make the missing snapshots of an image that `wants` accepts.

        A failure leaves the snapshots of the layers before it, which a lease or nothing keeps. Raises InvalidArgument
        for layers that do not fit the configuration, and what the differ and the snapshotter raise.
        """
        unpack = self.wants(image)
        if unpack is None:
            return
        layers, diff_ids = image.manifest.layers, image.config.diff_ids
        if len(layers) != len(diff_ids):
            counts = f"{len(layers)} != {len(diff_ids)}"
            raise InvalidArgument(f"unpack {image.target.digest}: number of layers and diffIDs don't match: {counts}")
        snapshotter = self._snapshotter(unpack.snapshotter)
        parent = ""
        for layer, diff_id, chain_id in zip(layers, diff_ids, chain_ids(diff_ids), strict=True):
            with self._stores.unpacking.hold((self._scope.namespace, snapshotter.name, chain_id)):
                if not self._is_there(snapshotter, chain_id):
                    wait_for_layer(layer)
                    self._unpack_layer(snapshotter, layer, diff_id, chain_id, parent)
            parent = chain_id
        self._keep_snapshot(snapshotter.name, image.manifest.config.digest, parent)

    def _snapshotter(self, name: str) -> Snapshotter:
        name = name or self._stores.default_snapshotter
        found = self._stores.snapshotters.get(name)
        if found is None:
            raise InvalidArgument(f"snapshotter {name!r} is not loaded")
        return found

    def _is_there(self, snapshotter: Snapshotter, chain_id: str) -> bool:
        try:
            snapshotter.stat(self._scope, chain_id)
        except NotFound:
            return False
        return True

    def _unpack_layer(
        self, snapshotter: Snapshotter, layer: Descriptor, diff_id: str, chain_id: str, parent: str
    ) -> None:
        key = f"extract-{secrets.token_hex(8)} {chain_id}"
        labels = {_REFERENCE_LABEL: chain_id}
        self._tell("extracting", layer)
        mounts = snapshotter.prepare(self._scope, key, parent, labels)
        try:
            self._apply(layer, diff_id, mounts)
            try:
                snapshotter.commit(self._scope, chain_id, key, labels)
            except AlreadyExists:
                snapshotter.remove(self._scope, key)  # a client that unpacks by itself was faster
        except BaseException as error:
            self._abandon(snapshotter, key, error)
            raise
        field = f"labels.{UNCOMPRESSED_LABEL}"
        self._stores.content.update(self._scope, layer.digest, {UNCOMPRESSED_LABEL: diff_id}, [field])
        self._tell("extracted", layer)

    def _apply(self, layer: Descriptor, diff_id: str, mounts: Sequence[Mount]) -> None:
        applied = self._stores.differ.apply(self._scope, layer, mounts)
        if applied.digest != diff_id:
            raise InvalidArgument(
                f"unpack layer {layer.digest}: its content is {applied.digest}, but the image says {diff_id}"
            )

    def _abandon(self, snapshotter: Snapshotter, key: str, error: BaseException) -> None:
        try:
            snapshotter.remove(self._scope, key)
        except NotFound:
            return
        except Exception as undo:  # noqa: BLE001 - the error that is on its way says more
            error.add_note(f"remove snapshot {key}: {undo}")

    def _keep_snapshot(self, snapshotter: str, config_digest: str, chain_id: str) -> None:
        """The configuration keeps the image's snapshot as long as something keeps the configuration."""
        if chain_id:
            label = f"{_SNAPSHOT_LABEL}{snapshotter}"
            self._stores.content.update(self._scope, config_digest, {label: chain_id}, [f"labels.{label}"])

    def _tell(self, event: str, layer: Descriptor) -> None:
        self._report(Progress(event=event, name=ref_of(layer), total=layer.size, descriptor=layer))
