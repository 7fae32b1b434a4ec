"""Makes the snapshots of an image: one committed snapshot per layer, named by its chain id. Blocks: runs in threads."""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from slipway.base.digests import chain_ids
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.containerd.transfer.documents import ImageManifest
from slipway.containerd.transfer.interface import Report
from slipway.containerd.transfer.model import Progress, Unpack
from slipway.containerd.transfer.references import ref_of
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci import platforms

_REFERENCE_LABEL: Final = "containerd.io/snapshot.ref"
_SNAPSHOT_LABEL: Final = "containerd.io/gc.ref.snapshot."
UNCOMPRESSED_LABEL: Final = "containerd.io/uncompressed"

# Layers of one image that are unpacked side by side; how many work at a time, the processes say.
AT_ONCE: Final = max(4, len(os.sched_getaffinity(0)))

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
            _Step(layer=layer, diff_id=diff_id, name=name, parent=parent)
            for layer, diff_id, name, parent in zip(layers, diff_ids, chains, ("", *chains), strict=False)
        ]
        with ThreadPoolExecutor(AT_ONCE if snapshotter.is_independent else 1, thread_name_prefix="unpack") as threads:
            self._unpack_all(threads, snapshotter, steps, wait_for_layer)
        self._keep_snapshot(snapshotter.name, image.manifest.config.digest, chains[-1] if chains else "")

    def _unpack_all(
        self, threads: ThreadPoolExecutor, snapshotter: Snapshotter, steps: Sequence["_Step"], wait: WaitForLayer
    ) -> None:
        """Each layer as soon as it has arrived; none is committed before the one below. The lowest failure is told."""
        begun: list[Future[None]] = []
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
        name = name or self._stores.default_snapshotter
        found = self._stores.snapshotters.get(name)
        if found is None:
            raise InvalidArgument(f"snapshotter {name!r} is not loaded")
        return found

    def _unpack_layer(self, snapshotter: Snapshotter, step: "_Step", below: "Future[None] | None") -> None:
        key = f"extract-{secrets.token_hex(8)} {step.name}"
        labels = {_REFERENCE_LABEL: step.name}
        self._tell("extracting", step.layer)
        try:
            try:
                if below is None or below.done() or not snapshotter.is_independent:
                    self._upon(snapshotter, step, key, labels, below)
                else:
                    self._apart(snapshotter, step, key, labels, below)
                snapshotter.commit(self._scope, step.name, key, labels)
            except AlreadyExists:  # a client that unpacks by itself was faster
                self._abandon(snapshotter, key, None)
        except BaseException as error:
            self._abandon(snapshotter, key, error)
            raise
        field = f"labels.{UNCOMPRESSED_LABEL}"
        self._stores.content.update(self._scope, step.layer.digest, {UNCOMPRESSED_LABEL: step.diff_id}, [field])
        self._tell("extracted", step.layer)

    def _upon(
        self, snapshotter: Snapshotter, step: "_Step", key: str, labels: Mapping[str, str], below: "Future[None] | None"
    ) -> None:
        """Unpack a layer on those below it, which are there."""
        if below is not None:
            below.result()
        mounts = snapshotter.prepare(self._scope, key, step.parent, labels)
        step.check(self._stores.differ.apply(self._scope, step.layer, mounts))

    def _apart(
        self, snapshotter: Snapshotter, step: "_Step", key: str, labels: Mapping[str, str], below: "Future[None]"
    ) -> None:
        """Unpack a layer while those below it are being unpacked, and put it on them."""
        mounts = snapshotter.prepare_layer(self._scope, key, labels)
        apart = self._stores.differ.apply_apart(self._scope, step.layer, mounts)
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
