"""Applying and making layers: the contract. Both methods block for as long as the layer takes: call them from a
thread."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from slipway.base.interruption import Interruption
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor, Mount


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
        stream processors, by id; `interruption` ends those. Raises NotFound (blob), InvalidArgument (a malformed or
        hostile archive), NotImplementedByEngine (media type), Unavailable (disk, a stream processor that failed).
        """
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
