"""How much disk an image takes, unpacked. A snapshot of a layer never changes: each is asked for once."""

from slipway.base.errors import EngineError
from slipway.clients.containerd.snapshots import Snapshots
from slipway.dockerd.images.content import chain_id
from slipway.dockerd.images.model import ImageContent


class ImageSizes:
    """Sizes by chain id."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._known: dict[str, int] = {}

    async def layers(self, content: ImageContent) -> list[int]:
        """Bytes of each layer, the lowest first; 0 for one that is not unpacked."""
        return [await self._size(chain_id(content.diff_ids[: count + 1])) for count in range(len(content.diff_ids))]

    async def total(self, content: ImageContent) -> int:
        return sum(await self.layers(content))

    async def _size(self, chain: str) -> int:
        if chain not in self._known:
            try:
                self._known[chain] = await self._snapshots.usage(chain)
            except EngineError:
                return 0
        return self._known[chain]
