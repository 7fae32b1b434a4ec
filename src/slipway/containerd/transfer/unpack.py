"""Makes the snapshots of an image: one committed snapshot per layer, named by its chain id. Blocks: runs in threads."""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from slipway.base.digests import chain_ids
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.base.interruption import Interruption
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.interface import Snapshotter, snapshotter_named
from slipway.containerd.snapshots.model import REFERENCE_LABEL, labels_for_snapshotter
from slipway.containerd.transfer.compress_blob import UNCOMPRESSED_LABEL
from slipway.containerd.transfer.documents import ImageManifest
from slipway.containerd.transfer.interface import Report
from slipway.containerd.transfer.model import Progress, Unpack
from slipway.containerd.transfer.references import ref_of
from slipway.containerd.transfer.source_labels import SOURCE_PREFIXES, source_labels
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.containerd_api.types import Descriptor, Mount
from slipway.contracts.oci import platforms

_SNAPSHOT_LABEL: Final = "containerd.io/gc.ref.snapshot."

# Layers of one image that are unpacked side by side; how many work at a time, the processes say.
AT_ONCE: Final = max(4, len(os.sched_getaffinity(0)))

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

        Where the snapshotter can, layers are unpacked side by side, and committed one after the other. A failure leaves
        the snapshots of the layers before it, which a lease or nothing keeps. Raises InvalidArgument
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
        chains = chain_ids(diff_ids)
        steps = [
            _Step(
                layer=layers[at],
                diff_id=diff_ids[at],
                name=name,
                parent=chains[at - 1] if at else "",
                labels=self._labels(snapshotter, image, at, name),
            )
            for at, name in enumerate(chains)
        ]
        if snapshotter.is_remote:
            for step in steps:
                self._unpack_unless_there(snapshotter, step, wait_for_layer)
        else:
            self._unpack_all(snapshotter, steps, wait_for_layer)
        self._keep_snapshot(snapshotter.name, image.manifest.config.digest, chains[-1] if chains else "")

    def _labels(self, snapshotter: Snapshotter, image: ImageManifest, at: int, chain_id: str) -> dict[str, str]:
        """What a layer's snapshot is made with: what the manifest says for snapshotters, too, but for where layers come
        from: that is not for who built the image to say."""
        told = labels_for_snapshotter(image.manifest.layers[at].annotations)
        labels = {key: value for key, value in told.items() if not key.startswith(SOURCE_PREFIXES)}
        if snapshotter.wants_source and self._reference:
            labels |= source_labels(self._reference, image.target.digest, image.manifest.layers[at:])
        return {**labels, REFERENCE_LABEL: chain_id}

    def _unpack_unless_there(self, snapshotter: Snapshotter, step: "_Step", wait: WaitForLayer) -> None:
        """The committed snapshot of one layer, fetched and unpacked unless the snapshotter has it already."""
        with self._stores.unpacking.hold((self._scope.namespace, snapshotter.name, step.name)):
            if snapshotter.hold(self._scope, step.name):
                return
            prepared = self._prepare(snapshotter, step)
            if prepared is None:
                return
            key, mounts = prepared
            try:
                wait(step.layer)
                self._tell("extracting", step.layer)
                step.check(self._stores.differ.apply(self._scope, step.layer, mounts, interruption=self._interruption))
                try:
                    snapshotter.commit(self._scope, step.name, key, step.labels)
                except AlreadyExists:  # a client that unpacks by itself was faster
                    self._abandon(snapshotter, key, None)
            except BaseException as error:
                self._abandon(snapshotter, key, error)
                raise
            self._note(step)

    def _prepare(self, snapshotter: Snapshotter, step: "_Step") -> tuple[str, Sequence[Mount]] | None:
        """The key and the mounts of a snapshot to unpack into; None when the layer's own is there after all."""
        for left in reversed(range(_TRIES)):
            key = f"extract-{secrets.token_hex(8)} {step.name}"
            try:
                return key, snapshotter.prepare(self._scope, key, step.parent, step.labels)
            except AlreadyExists:
                if snapshotter.hold(self._scope, step.name):
                    return None
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _unpack_all(self, snapshotter: Snapshotter, steps: Sequence["_Step"], wait: WaitForLayer) -> None:
        """Each layer as soon as it has arrived; none is committed before the one below. The lowest failure is told."""
        begun: list[Future[None]] = []
        with ThreadPoolExecutor(AT_ONCE if snapshotter.is_independent else 1, thread_name_prefix="unpack") as threads:
            try:
                for step in steps:
                    if begun or not snapshotter.hold(self._scope, step.name):
                        wait(step.layer)
                        below = begun[-1] if begun else None
                        begun.append(threads.submit(self._unpack_once, snapshotter, step, below))
                        _raise_what_failed(begun)
            except BaseException:
                threads.shutdown(wait=True, cancel_futures=True)
                _raise_what_failed(begun)
                raise
            for future in begun:
                future.result()

    def _unpack_once(self, snapshotter: Snapshotter, step: "_Step", below: "Future[None] | None") -> None:
        """Whoever comes second to a layer finds it there."""
        with self._stores.unpacking.hold((self._scope.namespace, snapshotter.name, step.name)):
            if not snapshotter.hold(self._scope, step.name):
                self._unpack_layer(snapshotter, step, below)

    def _snapshotter(self, name: str) -> Snapshotter:
        return snapshotter_named(self._stores.snapshotters, name or self._stores.default_snapshotter)

    def _unpack_layer(self, snapshotter: Snapshotter, step: "_Step", below: "Future[None] | None") -> None:
        key = f"extract-{secrets.token_hex(8)} {step.name}"
        self._tell("extracting", step.layer)
        try:
            try:
                if below is None or below.done() or not snapshotter.is_independent:
                    self._upon(snapshotter, step, key, below)
                else:
                    self._apart(snapshotter, step, key, below)
                snapshotter.commit(self._scope, step.name, key, step.labels)
            except AlreadyExists:  # a client that unpacks by itself was faster
                self._abandon(snapshotter, key, None)
        except BaseException as error:
            self._abandon(snapshotter, key, error)
            raise
        self._note(step)

    def _note(self, step: "_Step") -> None:
        field = f"labels.{UNCOMPRESSED_LABEL}"
        self._stores.content.update(self._scope, step.layer.digest, {UNCOMPRESSED_LABEL: step.diff_id}, [field])
        self._tell("extracted", step.layer)

    def _upon(self, snapshotter: Snapshotter, step: "_Step", key: str, below: "Future[None] | None") -> None:
        """Unpack a layer on those below it, which are there."""
        if below is not None:
            below.result()
        mounts = snapshotter.prepare(self._scope, key, step.parent, step.labels)
        step.check(self._stores.differ.apply(self._scope, step.layer, mounts, interruption=self._interruption))

    def _apart(self, snapshotter: Snapshotter, step: "_Step", key: str, below: "Future[None]") -> None:
        """Unpack a layer while those below it are being unpacked, and put it on them."""
        mounts = snapshotter.prepare_layer(self._scope, key, step.labels)
        apart = self._stores.differ.apply_apart(self._scope, step.layer, mounts, interruption=self._interruption)
        step.check(apart.plain)
        below.result()
        self._stores.differ.complete(apart, snapshotter.rebase(self._scope, key, step.parent))

    def _abandon(self, snapshotter: Snapshotter, key: str, error: BaseException | None) -> None:
        try:
            snapshotter.remove(self._scope, key)
        except NotFound:
            return
        except Exception as undo:
            if error is None:
                raise
            error.add_note(f"remove snapshot {key}: {undo}")

    def _keep_snapshot(self, snapshotter: str, config_digest: str, chain_id: str) -> None:
        """The configuration keeps the image's snapshot as long as something keeps the configuration."""
        if chain_id:
            label = f"{_SNAPSHOT_LABEL}{snapshotter}"
            self._stores.content.update(self._scope, config_digest, {label: chain_id}, [f"labels.{label}"])

    def _tell(self, event: str, layer: Descriptor) -> None:
        self._report(Progress(event=event, name=ref_of(layer), total=layer.size, descriptor=layer))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """One layer: the snapshot `name` that it makes on `parent` (empty: on nothing)."""

    layer: Descriptor
    diff_id: str
    name: str
    parent: str
    labels: Mapping[str, str]

    def check(self, plain: Descriptor) -> None:
        """Raises InvalidArgument for another content than the image says."""
        if plain.digest != self.diff_id:
            raise InvalidArgument(
                f"unpack layer {self.layer.digest}: its content is {plain.digest}, but the image says {self.diff_id}"
            )


def _raise_what_failed(begun: "Sequence[Future[None]]") -> None:
    for future in begun:
        if future.done() and not future.cancelled():
            future.result()
