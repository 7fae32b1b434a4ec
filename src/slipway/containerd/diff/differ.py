"""The differ of snapshots that are directories. See interface.Differ."""

from collections.abc import Mapping, Sequence

from slipway.archive.unpack import Unpackers
from slipway.base.interruption import Interruption
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.diff.apply import LayerUnpacker, complete
from slipway.containerd.diff.compare import store_diff
from slipway.containerd.diff.interface import LayerApart
from slipway.containerd.diff.stream_processors import StreamProcessor
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor, Mount


class DirectoryDiffer:
    """Reads and writes the directories that overlay and bind mounts are made of; mounts nothing."""

    def __init__(self, content: ContentStore, unpackers: Unpackers, processors: Sequence[StreamProcessor] = ()) -> None:
        self._content = content
        self._layers = LayerUnpacker(content, unpackers, processors)

    def apply(
        self,
        scope: Scope,
        layer: Descriptor,
        mounts: Sequence[Mount],
        *,
        sync: bool = False,
        payloads: Mapping[str, bytes] | None = None,
        interruption: Interruption | None = None,
    ) -> Descriptor:
        applied = self._layers.apply(scope, layer, mounts, sync=sync, payloads=payloads, interruption=interruption)
        return applied.plain

    def apply_apart(
        self, scope: Scope, layer: Descriptor, mounts: Sequence[Mount], *, interruption: Interruption | None = None
    ) -> LayerApart:
        return self._layers.apply(scope, layer, mounts, interruption=interruption)

    def complete(self, apart: LayerApart, mounts: Sequence[Mount]) -> None:
        complete(apart, mounts)

    def diff(
        self,
        scope: Scope,
        lower: Sequence[Mount],
        upper: Sequence[Mount],
        *,
        media_type: str = "",
        ref: str = "",
        labels: Mapping[str, str] | None = None,
        source_date_epoch: int | None = None,
    ) -> Descriptor:
        return store_diff(
            self._content,
            scope,
            lower,
            upper,
            media_type=media_type,
            ref=ref,
            labels=labels or {},
            source_date_epoch=source_date_epoch,
        )
