"""Applying and making layers: the contract. The methods block for as long as the layer takes: call them from a
thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from slipway.base.interruption import Interruption
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor, Mount


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerApart:
    """A layer that was unpacked before those below it. `plain` is the uncompressed tar's descriptor."""

    plain: Descriptor
    implied: tuple[str, ...]


class Differ(Protocol):
    """Turns layers into file trees and back. Works in a mount namespace or process of its own; leaves no mount
    behind."""

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
        """Unpack the blob `layer` onto `mounts`; returns the descriptor of the uncompressed tar (its digest is the
        diff id).

        `sync` makes the files survive a power cut before the call returns. `payloads` (an encoded Any each) are for the
        stream processors, by id; `interruption` ends those and the unpacking. Raises NotFound (blob), InvalidArgument
        (a malformed or hostile archive), Cancelled, NotImplementedByEngine (media type), Unavailable (disk, a stream
        processor that failed).
        """
        ...

    def apply_apart(
        self, scope: Scope, layer: Descriptor, mounts: Sequence[Mount], *, interruption: Interruption | None = None
    ) -> LayerApart:
        """As `apply`, where the layers below are not there yet; `complete` does the rest."""
        ...

    def complete(self, apart: LayerApart, mounts: Sequence[Mount]) -> None:
        """Do what only the layers below tell: `mounts` show them with the layer. Raises Unavailable."""
        ...

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
        """Store the changes from `lower` to `upper` as a blob, written under the ingest `ref`.

        `media_type` empty means gzip as OCI names it. A compressed layer's blob gets the label
        `containerd.io/uncompressed`. `source_date_epoch` (seconds) clamps the times in the archive.
        """
        ...
