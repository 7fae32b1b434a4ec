"""Makes the snapshots of an image: one committed snapshot per layer, named by its chain id. Blocks: runs in threads."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from slipway.base.digests import chain_ids
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.base.interruption import Interruption
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.containerd.snapshots.model import REFERENCE_LABEL, labels_for_snapshotter
from slipway.containerd.transfer.documents import ImageManifest
from slipway.containerd.transfer.interface import Report
from slipway.containerd.transfer.model import Progress, Unpack
from slipway.containerd.transfer.references import ref_of
from slipway.containerd.transfer.source_labels import source_labels
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.containerd_api.types import Descriptor, Mount
from slipway.contracts.oci import platforms

_SNAPSHOT_LABEL: Final = "containerd.io/gc.ref.snapshot."
UNCOMPRESSED_LABEL: Final = "containerd.io/uncompressed"

# A snapshotter may say that it has a layer, and lose it before we look.
_TRIES: Final = 3

WaitForLayer = Callable[[Descriptor], None]
"""Returns when the layer's blob is there."""


class Unpacker:
    """Unpacks images of one scope, as a destination asks, until it is interrupted or done.

    `reference` is where they come from; empty: not known.
    """

    def __init__(
        self,
        stores: Stores,
        scope: Scope,
        unpacks: Sequence[Unpack],
        report: Report,
        interruption: Interruption,
        reference: str = "",
    ) -> None:
        self._stores = stores
        self._scope = scope
        self._unpacks = unpacks
        self._report = report
        self._interruption = interruption
        self._reference = reference

    def wants(self, image: ImageManifest) -> Unpack | None:
        """The first unpack whose platform the image fits; an image without platform fits all."""
        for unpack in self._unpacks:
            if not image.config.platform.os or platforms.matches(unpack.platform, image.config.platform):
                return unpack
        return None

    def may_skip_layers(self, image: ImageManifest) -> bool:
        """Whether the image's snapshotter may have layers before they are unpacked: whoever fetches them waits until
        one is asked for. Raises InvalidArgument for a snapshotter that is not there."""
        unpack = self.wants(image)
        return unpack is not None and self._snapshotter(unpack.snapshotter).is_remote

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
        for at, (diff_id, chain_id) in enumerate(zip(diff_ids, chain_ids(diff_ids), strict=True)):
            with self._stores.unpacking.hold((self._scope.namespace, snapshotter.name, chain_id)):
                if not self._is_there(snapshotter, chain_id):
                    labels = self._labels(snapshotter, image, at, chain_id)
                    self._make(snapshotter, layers[at], diff_id, chain_id, parent, labels, wait_for_layer)
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

    def _labels(self, snapshotter: Snapshotter, image: ImageManifest, at: int, chain_id: str) -> dict[str, str]:
        """What a layer's snapshot is made with: what the manifest says for snapshotters, too."""
        labels = labels_for_snapshotter(image.manifest.layers[at].annotations)
        if snapshotter.wants_source and self._reference:
            labels |= source_labels(self._reference, image.target.digest, image.manifest.layers[at:])
        return {**labels, REFERENCE_LABEL: chain_id}

    def _make(
        self,
        snapshotter: Snapshotter,
        layer: Descriptor,
        diff_id: str,
        chain_id: str,
        parent: str,
        labels: Mapping[str, str],
        wait_for_layer: WaitForLayer,
    ) -> None:
        """The committed snapshot of one layer, unpacked unless the snapshotter has it already."""
        prepared = self._prepare(snapshotter, chain_id, parent, labels)
        if prepared is None:
            return
        key, mounts = prepared
        try:
            wait_for_layer(layer)
            self._tell("extracting", layer)
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

    def _prepare(
        self, snapshotter: Snapshotter, chain_id: str, parent: str, labels: Mapping[str, str]
    ) -> tuple[str, Sequence[Mount]] | None:
        """The key and the mounts of a snapshot to unpack into; None when the layer's own is there after all."""
        for left in reversed(range(_TRIES)):
            key = f"extract-{secrets.token_hex(8)} {chain_id}"
            try:
                return key, snapshotter.prepare(self._scope, key, parent, labels)
            except AlreadyExists:
                if self._is_there(snapshotter, chain_id):
                    return None
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _apply(self, layer: Descriptor, diff_id: str, mounts: Sequence[Mount]) -> None:
        applied = self._stores.differ.apply(self._scope, layer, mounts, interruption=self._interruption)
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
