"""Registry to image store: documents first, then the layers side by side, unpacked in order while others arrive."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import AsyncExitStack

from slipway.base.errors import Cancelled, InvalidArgument, NotFound
from slipway.base.interruption import Interruption
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

_SOURCE_LABEL = "containerd.io/distribution.source."
_DEPTH = 4


class Pull:
    """One image of one repository into one scope, whose lease holds what arrives."""

    def __init__(
        self, stores: Stores, scope: Scope, repository: Repository, reference: Reference, destination: ImageStore,
        report: Report, threads: Executor,
    ) -> None:  # fmt: skip
        """`threads`: for what waits for the registry, or for a snapshotter of another process."""
        self._stores = stores
        self._threads = threads
        self._repository = repository
        self._reference = reference
        self._wanted = destination.platforms or (stores.platform,)
        labels = {f"{_SOURCE_LABEL}{reference.domain}": reference.path}
        steps = Steps(reference.complete, report, stores.clock)
        self._fetcher = Fetcher(repository, stores, scope, steps, labels)
        self._documents = Documents(stores.content, scope)
        self._interruption = Interruption()
        self._unpacker = Unpacker(stores, scope, destination.unpacks, report, self._interruption, reference.complete)

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
        async with AsyncExitStack() as stack:
            arriving = _Arriving(self._fetcher, image)
            stack.push_async_callback(arriving.end)
            if not self._unpacker.may_skip_layers(image):
                arriving.begin()
            loop = asyncio.get_running_loop()
            try:
                await loop.run_in_executor(self._threads, self._unpacker.unpack, image, arriving.waiter())
            except asyncio.CancelledError:
                self._interruption.happen()
                raise
            await arriving.finish()


class _Arriving:
    """The layers of one image on their way: all that follow the first that is asked for, or that `begin` names."""

    def __init__(self, fetcher: Fetcher, image: ImageManifest) -> None:
        self._fetcher = fetcher
        self._image = image
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ended = False

    def begin(self, first: Descriptor | None = None) -> None:
        """Fetch the layers from `first` on (None: all) that are not on their way yet."""
        layers = self._image.manifest.layers
        for layer in layers[layers.index(first) if first is not None else 0 :]:
            if layer.media_type not in FOREIGN_LAYERS and layer.digest not in self._tasks:
                fetching = self._fetcher.fetch(layer, self._image.target)
                self._tasks[layer.digest] = asyncio.get_running_loop().create_task(
                    fetching, name=f"fetch {layer.digest}"
                )

    def waiter(self) -> WaitForLayer:
        """Waits on the loop's tasks from the thread that unpacks."""
        loop = asyncio.get_running_loop()

        def wait(layer: Descriptor) -> None:
            asyncio.run_coroutine_threadsafe(self._arrived(layer), loop).result()

        return wait

    async def finish(self) -> None:
        """Wait for all that is on its way."""
        await asyncio.gather(*self._tasks.values())

    async def end(self) -> None:
        """Stop what is still on its way."""
        self._ended = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _arrived(self, layer: Descriptor) -> None:
        if self._ended:
            raise Cancelled(f"fetch {layer.digest}: the pull was given up")
        self.begin(layer)
        if layer.digest in self._tasks:
            await asyncio.shield(self._tasks[layer.digest])
