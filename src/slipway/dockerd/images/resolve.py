"""Finds the image that a user means: by name, by id, or by the beginning of an id."""

import re
from typing import Final

from slipway.base.errors import FailedPrecondition, InvalidArgument, NotFound
from slipway.clients.containerd.images import Image, Images
from slipway.contracts.containerd_api.types import Platform
from slipway.dockerd.images.content import ContentReader
from slipway.dockerd.images.model import ImageContent, NamedImage
from slipway.dockerd.images.names import complete_name
from slipway.dockerd.images.platform_check import check_platform

PARENT_LABEL: Final = "org.mobyproject.image.parent"  # as the original marks what a commit or a build step makes
_ID: Final = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})")


class ImageFinder:
    """Asks containerd each time: its image store is the only truth."""

    def __init__(self, images: Images, reader: ContentReader) -> None:
        self._images = images
        self._reader = reader

    async def find(self, reference: str) -> NamedImage:
        """Raises NotFound ("No such image: X"), InvalidArgument for what cannot be a name."""
        image = await self._find_image(reference)
        images = await self._images.list(f"target.digest=={image.target.digest}")
        content = await self._reader.read(image.target)
        return _named(content, images, image.updated_at)

    async def find_for_container(self, reference: str, platform: Platform | None = None) -> NamedImage:
        """The same without the other names: one call to containerd on the way of `docker run`."""
        image = await self._find_image(reference)
        content = await self._reader.read(image.target)
        check_platform(content, reference, platform)
        return NamedImage(content=content, names=(image.name,), updated_at=image.updated_at)

    async def children(self, image_id: str) -> list[str]:
        """The ids of the images that were made from this one."""
        return [image.target.digest for image in await self._images.list(f'labels."{PARENT_LABEL}"=={image_id}')]

    async def all(self) -> list[NamedImage]:
        """Every image of this platform with its names, newest first. What cannot be read is left out."""
        by_digest: dict[str, list[Image]] = {}
        for image in await self._images.list():
            by_digest.setdefault(image.target.digest, []).append(image)
        found = []
        for images in by_digest.values():
            try:
                content = await self._reader.read(images[0].target)
            except (NotFound, InvalidArgument):
                continue
            found.append(_named(content, images, max(image.updated_at for image in images)))
        return found

    async def _find_image(self, reference: str) -> Image:
        if not reference:
            raise InvalidArgument("invalid reference format")
        match = _ID.fullmatch(reference)
        if match is None or not reference.startswith("sha256:"):
            try:
                return await self._images.get(complete_name(reference))
            except (NotFound, InvalidArgument) as error:
                if match is None:
                    if isinstance(error, InvalidArgument):
                        raise
                    raise NotFound(f"No such image: {_with_tag(reference)}") from error
        return await self._find_by_id(reference, match.group(1))

    async def _find_by_id(self, reference: str, digits: str) -> Image:
        wanted = f"sha256:{digits}"
        found = [image for image in await self._images.list() if image.target.digest.startswith(wanted)]
        if not found:
            raise NotFound(f"No such image: {_with_tag(reference)}")
        if len({image.target.digest for image in found}) > 1:
            raise FailedPrecondition(f"ambiguous reference: {reference} matches several images")
        return found[0]


def _named(content: ImageContent, images: list[Image], updated_at: int) -> NamedImage:
    return NamedImage(
        content=content,
        names=tuple(sorted(image.name for image in images)),
        updated_at=updated_at,
        created_at={image.name: image.created_at for image in images},
    )


def _with_tag(reference: str) -> str:
    """As the original words it: a name without a tag is shown with :latest."""
    if _ID.fullmatch(reference) and (reference.startswith("sha256:") or len(reference) == 64):
        return reference
    return reference if ":" in reference.rpartition("/")[2] or "@" in reference else f"{reference}:latest"
