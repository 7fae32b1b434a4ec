"""What a snapshotter that fetches layers by itself is told of an image, in the original's words. Pure.

Source: containerd pkg/snapshotters/annotations.go. The names say "cri", but are for everybody.
"""

from collections.abc import Sequence
from typing import Final

from slipway.contracts.containerd_api.labels import MAX_LABEL_BYTES
from slipway.contracts.containerd_api.types import Descriptor

_PREFIX: Final = "containerd.io/snapshot/cri"
# What makes a snapshotter fetch: an image's own annotations of these names are not passed on.
SOURCE_PREFIXES: Final = (f"{_PREFIX}.", "containerd.io/snapshot/remote/")
_LAYERS_LABEL: Final = f"{_PREFIX}.image-layers"


def source_labels(reference: str, manifest: str, layers: Sequence[Descriptor]) -> dict[str, str]:
    """For the first of `layers`; the others are those upon it, which the snapshotter may fetch beforehand."""
    return {
        f"{_PREFIX}.image-ref": reference,
        f"{_PREFIX}.manifest-digest": manifest,
        f"{_PREFIX}.layer-digest": layers[0].digest,
        _LAYERS_LABEL: _joined([layer.digest for layer in layers], MAX_LABEL_BYTES - len(_LAYERS_LABEL)),
    }


def _joined(digests: Sequence[str], room: int) -> str:
    """With commas, as many as a label has room for."""
    text = ""
    for digest in digests:
        longer = f"{text},{digest}" if text else digest
        if len(longer) > room:
            break
        text = longer
    return text
