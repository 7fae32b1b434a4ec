"""What the API asks of images."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from slipway.clients.containerd.transfer import Credentials
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.engine_api.filters import Filters
from slipway.dockerd.images.model import NamedImage

ReadBytes = Callable[[], Awaitable[bytes]]


class FindsImages(Protocol):
    """What a new container asks of images."""

    async def find_for_container(self, reference: str, platform: Platform | None = None) -> NamedImage:
        """By name, id or the beginning of an id. Raises NotFound ("No such image: X", or it is not for `platform`),
        InvalidArgument."""

    async def children(self, image_id: str) -> list[str]:
        """The ids of the images that were made from this one (by commit, or a build step)."""


class Images(Protocol):
    """The engine's images. References are names, ids or beginnings of ids."""

    async def select(self, filters: Filters) -> list[dict[str, Any]]:
        """As GET /images/json."""

    async def count(self) -> int:
        """How many there are."""

    async def inspect(self, reference: str) -> dict[str, Any]:
        """Raises NotFound."""

    async def history(self, reference: str) -> list[dict[str, Any]]:
        """Newest layer first."""

    async def tag(self, reference: str, repository: str, tag: str) -> None:
        """A further name; it may have named another image before."""

    async def remove(self, reference: str, *, force: bool, used: Mapping[str, str]) -> list[dict[str, str]]:
        """Untag, and forget the image with its last name. `used`: image ids of containers, and a container of each."""

    def pull(
        self, name: str, tag: str, platform: Platform | None, credentials: Credentials | None
    ) -> AsyncIterator[dict[str, Any]]:
        """Progress messages; `platform` None is this machine's.

        Raises before the first one what makes the reference impossible.
        """

    def push(
        self, name: str, tag: str, platform: Platform | None, credentials: Credentials | None
    ) -> AsyncIterator[dict[str, Any]]:
        """Progress messages. `tag` empty: every tag that the repository `name` has, unless it names one itself.

        `platform`: of an index that one manifest only. Raises InvalidArgument before the first message.
        """

    def load(self, read: ReadBytes, *, quiet: bool) -> AsyncIterator[dict[str, Any]]:
        """Progress messages."""

    def save(self, references: Sequence[str]) -> AsyncIterator[bytes]:
        """An archive."""

    def import_tar(
        self, source: str, read: ReadBytes, *, repository: str, tag: str, changes: Sequence[str], message: str
    ) -> AsyncIterator[dict[str, Any]]:
        """An image of one layer out of a tar: what `read` gives for the source "-", else what a URL leads to.

        Progress messages; the last one is the id. `message` empty tells the source.
        """
