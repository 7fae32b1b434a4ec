"""Registry to image store: documents first, then the layers side by side, unpacked in order while others arrive."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.references import Reference
from slipway.clients.registry.interface import Repository
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.documents import Documents, ImageManifest, children_of
from slipway.containerd.transfer.fetch import Fetcher
from slipway.containerd.transfer.interface import Report
from slipway.containerd.transfer.model import ImageStore
from slipway.containerd.transfer.steps import Steps
from slipway.containerd.transfer.stores import Stores
from slipway.containerd.transfer.unpack import Unpacker, WaitForLayer
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci import platforms
from slipway.contracts.oci.image import FOREIGN_LAYERS, SCHEMA_1, Manifest

_DEPTH = 4


class Pull:
    """One image of one repository into one scope, whose lease holds what arrives."""

    def __init__(
        self, stores: Stores, scope: Scope, repository: Repository, reference: Reference, destination: ImageStore,
        report: Report,
    ) -> None:  # fmt: skip
        self._stores = stores
        self._repository = repository
        self._reference = reference
        self._wanted = destination.platforms
        steps = Steps(reference.complete, report, stores.clock)
        self._fetcher = Fetcher(repository, stores, scope, steps, reference)
        self._documents = Documents(stores.content, scope)
        self._unpacker = Unpacker(stores, scope, destination.unpacks, report)

    async def run(self, target: Descriptor) -> None:
        """Fetch and unpack what `target` leads to. Raises NotFound where it has nothing for the wanted platforms."""
        images = await self._fetch_documents(target, None, _DEPTH)
        if not images:
            wanted = ", ".join(map(platforms.text_of, self._wanted))
            raise NotFound(f"no match for platform in manifest: {self._reference.complete} has none for {wanted}")
        for image in images:
            await self._fetch_image(image)

    async def _fetch_documents(
        self, target: Descriptor, parent: Descriptor | None, depth: int
    ) -> Sequence[ImageManifest]:
        if target.media_type in SCHEMA_1:
            raise InvalidArgument(f"pull {self._reference.complete}: schema 1 image manifests are no longer supported")
        await self._fetcher.fetch(target, parent, whole=True)
        document = await asyncio.to_thread(self._documents.read, target)
        await asyncio.to_thread(self._documents.label, target, document)
        if isinstance(document, Manifest):
            await self._fetcher.fetch(document.config, target)
            config = await asyncio.to_thread(self._documents.read_config, document.config)
            return [ImageManifest(target=target, manifest=document, config=config)]
        found: list[ImageManifest] = []
        for child in children_of(document, self._wanted) if depth else ():
            found += await self._fetch_documents(child, target, depth - 1)
        return found

    async def _fetch_image(self, image: ImageManifest) -> None:
        layers = {layer.digest: layer for layer in image.manifest.layers if layer.media_type not in FOREIGN_LAYERS}
        async with AsyncExitStack() as stack:
            arriving = {
                digest: asyncio.get_running_loop().create_task(
                    self._fetcher.fetch(layer, image.target), name=f"fetch {digest}"
                )
                for digest, layer in layers.items()
            }
            stack.push_async_callback(_end, list(arriving.values()))
            await asyncio.to_thread(self._unpacker.unpack, image, _waiter(arriving))
            await asyncio.gather(*arriving.values())


def _waiter(arriving: "dict[str, asyncio.Task[None]]") -> WaitForLayer:
    """Waits on the loop's tasks from the thread that unpacks."""
    loop = asyncio.get_running_loop()

    async def arrived(digest: str) -> None:
        await asyncio.shield(arriving[digest])

    def wait(layer: Descriptor) -> None:
        if layer.digest in arriving:
            asyncio.run_coroutine_threadsafe(arrived(layer.digest), loop).result()

    return wait


async def _end(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
