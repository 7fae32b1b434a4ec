"""What images take on disk, layer by layer: one that several images have is counted once."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from slipway.base.errors import NotFound
from slipway.dockerd.images.content import chain_id
from slipway.dockerd.images.describe import created_nanoseconds, list_document
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.model import ImageContent


async def disk_usage(environment: ImageEnvironment, users: Mapping[str, int]) -> tuple[int, list[dict[str, Any]]]:
    """Bytes of all snapshots (those of containers, too, as the original counts), and the images as GET /images/json has
    them, with `SharedSize` and `Containers`. `users`: image id → how many containers have it.
    """
    images = await environment.finder.all()
    images.sort(key=lambda image: created_nanoseconds(image.content), reverse=True)
    holders = Counter(chain for image in images for chain in set(_chains(image.content)))
    documents = []
    for image in images:
        sizes = dict(zip(_chains(image.content), await environment.sizes.layers(image.content), strict=True))
        document = list_document(image, sum(sizes.values()), users.get(image.content.id, 0))
        shared = sum(size for chain, size in sizes.items() if holders[chain] > 1)
        documents.append({**document, "SharedSize": shared})
    return await _snapshots(environment), documents


def _chains(content: ImageContent) -> list[str]:
    """The name of each layer's snapshot: it stands for the layer and all below it."""
    return [chain_id(content.diff_ids[: count + 1]) for count in range(len(content.diff_ids))]


async def _snapshots(environment: ImageEnvironment) -> int:
    total = 0
    for key in await environment.containerd.snapshots.keys():
        try:
            total += await environment.containerd.snapshots.usage(key)
        except NotFound:
            continue  # its container has gone meanwhile
    return total
