"""What can be made into snapshots, told from a manifest alone: before anything of it is downloaded. Pure."""

from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci import image
from slipway.contracts.oci.image import Manifest

# The last is what an old registry client announced every configuration as (distribution#1622).
CONFIG_TYPES: Final = frozenset((image.OCI_CONFIG, image.DOCKER_CONFIG, "application/octet-stream", ""))


def is_image(manifest: Manifest) -> bool:
    """Whether its configuration is an image's; else it is an artifact of some other kind."""
    return manifest.config.media_type in CONFIG_TYPES


def check_documents(manifest: Manifest, what: str) -> None:
    """Raises InvalidArgument for a configuration that is too large for one."""
    if is_image(manifest) and manifest.config.size > image.DOCUMENT_LIMIT:
        size = f"{manifest.config.size} bytes, more than {image.DOCUMENT_LIMIT}"
        raise InvalidArgument(f"{what}: its configuration {manifest.config.digest} has {size}")


def check_is_image(manifest: Manifest, what: str) -> None:
    """Raises InvalidArgument for an artifact of some other kind."""
    if not is_image(manifest):
        kind = _shown(manifest.config.media_type)
        raise InvalidArgument(f"{what}: it is no image that can be unpacked: its configuration is of media type {kind}")


def check_layers(manifest: Manifest, what: str) -> None:
    """Raises InvalidArgument for the first layer of a media type that we cannot unpack."""
    for layer in manifest.layers:
        if not image.is_layer_type(layer.media_type):
            kind = _shown(layer.media_type)
            raise InvalidArgument(f"{what}: its layer {layer.digest} is of media type {kind}, which cannot be unpacked")


def _shown(media_type: str) -> str:
    return f'"{media_type[:100]}"' if media_type.isprintable() else "that is no text"
