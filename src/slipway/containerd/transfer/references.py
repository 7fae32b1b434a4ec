"""The names of blobs while they are fetched, as the original spells them. Pure."""

from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci import image


def ref_of(target: Descriptor) -> str:
    """The name of a blob's ingest and of its progress: layer-sha256:..., manifest-, index-, config-, attestation-."""
    if image.is_layer_type(target.media_type):
        kind = "layer"
    elif target.media_type in image.MANIFEST_TYPES:
        kind = "manifest"
    elif target.media_type in image.INDEX_TYPES:
        kind = "index"
    elif target.media_type in image.CONFIG_TYPES:
        kind = "config"
    elif target.media_type == image.IN_TOTO:
        kind = "attestation"
    else:
        kind = "unknown"
    return f"{kind}-{target.digest}"
