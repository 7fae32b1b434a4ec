"""Whether an image is the one for the platform that a client asks for."""

from slipway.base.errors import NotFound
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.oci.platforms import matches, text_of
from slipway.dockerd.images.model import ImageContent


def check_platform(content: ImageContent, reference: str, wanted: Platform | None) -> None:
    """None is content with any. Raises NotFound, upon which clients pull the image for that platform."""
    if wanted is None or matches(wanted, platform_of(content)):
        return
    raise NotFound(
        f"image with reference {reference} was found but does not provide the specified platform ({text_of(wanted)})"
    )


def platform_of(content: ImageContent) -> Platform:
    """As the image's configuration says."""
    parts = (content.document.get(name) for name in ("os", "architecture", "variant"))
    os_name, architecture, variant = (part if isinstance(part, str) else "" for part in parts)
    return Platform(os=os_name, architecture=architecture, variant=variant)
