"""Implements `Images`: finds the image, calls the verb."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from slipway.base.digests import is_digest
from slipway.base.references import parse_reference
from slipway.clients.containerd.transfer import Credentials
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.engine_api.filters import Filters
from slipway.dockerd.images.describe import (
    created_nanoseconds,
    history_documents,
    inspect_document,
    list_document,
)
from slipway.dockerd.images.disk_usage import disk_usage
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.import_tar import import_tar
from slipway.dockerd.images.import_url import import_url
from slipway.dockerd.images.interface import ReadBytes
from slipway.dockerd.images.load import load
from slipway.dockerd.images.model import ImageUse, NamedImage
from slipway.dockerd.images.names import complete_name
from slipway.dockerd.images.platform_check import check_platform
from slipway.dockerd.images.prune import prune
from slipway.dockerd.images.pull import pull
from slipway.dockerd.images.push import Order, push
from slipway.dockerd.images.remove import remove
from slipway.dockerd.images.save import save
from slipway.dockerd.images.select import FILTERS, selected_names, wanted
from slipway.dockerd.images.tag import tag_image


class ImageService:
    """The images of one engine."""

    def __init__(self, environment: ImageEnvironment) -> None:
        self._environment = environment

    async def select(self, filters: Filters) -> list[dict[str, Any]]:
        """See `Images`."""
        filters.check_names(FILTERS)
        before = [made for name in filters.values("before") if (made := await self._created(name))]
        since = [made for name in filters.values("since") if (made := await self._created(name))]
        clock = self._environment.clock
        asked = wanted(filters, before=before, since=since, now=clock.now(), offset=clock.local_offset())
        images = await self._environment.finder.all()
        shown = [replace(image, names=names) for image in images if (names := selected_names(image, asked))]
        shown.sort(key=lambda image: created_nanoseconds(image.content), reverse=True)
        return [list_document(image, await self._environment.sizes.total(image.content), -1) for image in shown]

    async def disk_usage(self, users: Mapping[str, int]) -> tuple[int, list[dict[str, Any]]]:
        """Bytes of all layers, each once, and the images with what they share and how many containers they have."""
        return await disk_usage(self._environment, users)

    async def inspect(self, reference: str) -> dict[str, Any]:
        """See `Images`."""
        image = await self._environment.finder.find(reference)
        size = await self._environment.sizes.total(image.content)
        return inspect_document(image, size, self._environment.snapshotter)

    async def history(self, reference: str) -> list[dict[str, Any]]:
        """See `Images`."""
        image = await self._environment.finder.find(reference)
        return history_documents(image, await self._environment.sizes.layers(image.content))

    async def check_platform(self, reference: str, platform: Platform) -> None:
        """Raises NotFound where the image is for another platform."""
        check_platform((await self._environment.finder.find(reference)).content, reference, platform)

    async def tag(self, reference: str, repository: str, tag: str) -> None:
        """See `Images`."""
        await tag_image(self._environment, reference, complete_name(repository, tag=tag))

    async def remove(self, reference: str, *, force: bool, used: Mapping[str, str]) -> list[dict[str, str]]:
        """See `Images`."""
        return await remove(self._environment, reference, force=force, used=used)

    async def prune(self, filters: Filters, uses: Callable[[], Sequence[ImageUse]]) -> dict[str, Any]:
        """As POST /images/prune."""
        return await prune(self._environment, filters, uses)

    def pull(
        self, name: str, tag: str, platform: Platform | None, credentials: Credentials | None
    ) -> AsyncIterator[dict[str, Any]]:
        """See `Images`."""
        return pull(self._environment, complete_name(name, tag=tag), platform, credentials)

    def push(
        self, name: str, tag: str, platform: Platform | None, credentials: Credentials | None
    ) -> AsyncIterator[dict[str, Any]]:
        """See `Images`."""
        reference = parse_reference(name)
        if tag:
            reference = reference.with_digest(tag) if is_digest(tag) else reference.with_tag(tag)
        complete = reference.complete if reference.tag or reference.digest else ""
        return push(self._environment, reference.name, complete, Order(platform=platform, credentials=credentials))

    def load(self, read: ReadBytes, *, quiet: bool) -> AsyncIterator[dict[str, Any]]:
        """See `Images`."""
        return load(self._environment, read)

    def save(self, references: Sequence[str]) -> AsyncIterator[bytes]:
        """See `Images`."""
        return save(self._environment, references)

    async def import_tar(
        self, source: str, read: ReadBytes, *, repository: str, tag: str, changes: Sequence[str], message: str
    ) -> AsyncIterator[dict[str, Any]]:
        """See `Images`."""
        name = complete_name(repository, tag=tag) if repository else ""
        if source == "-":
            message = message or "Imported from -"
            yield {"status": await import_tar(self._environment, read, name=name, changes=changes, message=message)}
            return
        async for step in import_url(self._environment, source, name=name, changes=changes, message=message):
            yield step

    async def count(self) -> int:
        return len(await self._environment.finder.all())

    async def _created(self, reference: str) -> int:
        """0 where the image does not say."""
        image: NamedImage = await self._environment.finder.find(reference)
        return created_nanoseconds(image.content)
