"""Registry to image store: documents first, then the layers side by side, unpacked in order while others arrive."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from typing import Any, Final

from slipway.base.errors import Cancelled, InvalidArgument, NotFound
from slipway.base.interruption import Interruption
from slipway.base.references import Reference
from slipway.clients.registry.interface import Repository
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.at_once import PARALLEL
from slipway.containerd.transfer.documents import Documents, ImageManifest, children_of
from slipway.containerd.transfer.fetch import Fetcher
from slipway.containerd.transfer.interface import Report
from slipway.containerd.transfer.model import ImageStore
from slipway.containerd.transfer.steps import Steps
from slipway.containerd.transfer.stores import Stores
from slipway.containerd.transfer.unpack import Unpacker, WaitForLayer
from slipway.containerd.transfer.unpackable import check_documents, check_is_image, check_layers, is_image
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci import platforms
from slipway.contracts.oci.image import FOREIGN_LAYERS, SCHEMA_1, ImageConfig, Index, Manifest

_DEPTH: Final = 4
_DOCUMENTS: Final = 512  # manifests and indexes of one pull; the largest real index has about 200
_NO_CONFIG: Final = ImageConfig(platform=Platform(os="", architecture=""), diff_ids=(), document={})

FetchLayer = Callable[[Descriptor, ImageManifest], Coroutine[Any, Any, None]]


class Pull:
    """One image of one repository into one scope, whose lease holds what arrives."""

    def __init__(
        self, stores: Stores, scope: Scope, repository: Repository, reference: Reference, destination: ImageStore,
        report: Report, threads: Executor, *, parallel: int = PARALLEL,
    ) -> None:  # fmt: skip
        """`threads`: for what waits for the registry, or for a snapshotter of another process."""
        self._what = f"pull {reference.complete}"
        self._threads = threads
        self._destination = destination
        steps = Steps(reference.complete, report, stores.clock)
        self._fetcher = Fetcher(repository, stores, scope, steps, reference, parallel)
        self._documents = Documents(stores.content, scope)
        self._interruption = Interruption()
        self._unpacker = Unpacker(stores, scope, destination.unpacks, report, self._interruption, reference.complete)
        self._documents_left = _DOCUMENTS

    async def run(self, target: Descriptor) -> None:
        """Fetch and unpack what `target` leads to. Raises NotFound where it has nothing for the wanted platforms."""
        images = await self._fetch_documents(target, None, _DEPTH)
        if not images:
            wanted = ", ".join(map(platforms.text_of, self._destination.platforms)) or "any platform"
            reference = self._what.removeprefix("pull ")
            raise NotFound(f"no match for platform in manifest: {reference} has none for {wanted}")
        for image in images:
            if self._unpacker.wants(image):
                check_layers(image.manifest, self._what)
        for image in images:
            await self._fetch_image(image)

    async def _fetch_documents(
        self, target: Descriptor, parent: Descriptor | None, depth: int, *, is_wanted: bool = True
    ) -> Sequence[ImageManifest]:
        """The wanted images; with `all_metadata` the others' documents are fetched as well."""
        if target.media_type in SCHEMA_1:
            raise InvalidArgument(f"{self._what}: schema 1 image manifests are no longer supported")
        if not self._documents_left:
            raise InvalidArgument(f"{self._what}: it leads to more than {_DOCUMENTS} manifests")
        self._documents_left -= 1
        await self._fetcher.fetch(target, parent, whole=True)
        document = await asyncio.to_thread(self._documents.read, target)
        await asyncio.to_thread(self._documents.label, target, document)
        if isinstance(document, Manifest):
            if is_wanted and self._destination.unpacks:
                check_is_image(document, self._what)
            return [await self._fetch_config(target, document)]
        found: list[ImageManifest] = []
        wanted = self._wanted(document)
        others = _all_of(document) if self._destination.all_metadata else []
        for child in wanted if depth else ():
            found += await self._fetch_documents(child, target, depth - 1, is_wanted=is_wanted)
        for child in others if depth else ():
            if child not in wanted:
                await self._fetch_documents(child, target, depth - 1, is_wanted=False)
        return found

    async def _fetch_config(self, target: Descriptor, manifest: Manifest) -> ImageManifest:
        check_documents(manifest, self._what)
        await self._fetcher.fetch(manifest.config, target)
        config = _NO_CONFIG
        if is_image(manifest):
            config = await asyncio.to_thread(self._documents.read_config, manifest.config)
        return ImageManifest(target=target, manifest=manifest, config=config)

    def _wanted(self, index: Index) -> list[Descriptor]:
        """Without a platform all of them, as the original."""
        wanted = self._destination.platforms
        chosen = children_of(index, wanted) if wanted else _all_of(index)
        return chosen[: self._destination.manifest_limit or None]

    async def _fetch_image(self, image: ImageManifest) -> None:
        async with AsyncExitStack() as stack:
            arriving = _Arriving(self._fetch_layer, image)
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

    async def _fetch_layer(self, layer: Descriptor, image: ImageManifest) -> None:
        """A foreign layer is fetched where its registry holds it, and done without where it is not unpacked."""
        try:
            await self._fetcher.fetch(layer, image.target)
        except NotFound as error:
            if layer.media_type not in FOREIGN_LAYERS:
                raise
            if self._unpacker.wants(image):
                sentence = "is foreign: the registry does not hold it, and addresses elsewhere are not followed"
                raise NotFound(f"{self._what}: its layer {layer.digest} {sentence}") from error


def _all_of(index: Index) -> list[Descriptor]:
    return list({entry.target.digest: entry.target for entry in index.entries}.values())


class _Arriving:
    """The layers of one image on their way: all that follow the first that is asked for, or that `begin` names."""

    def __init__(self, fetch: FetchLayer, image: ImageManifest) -> None:
        self._fetch = fetch
        self._image = image
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ended = False

    def begin(self, first: Descriptor | None = None) -> None:
        """Fetch the layers from `first` on (None: all) that are not on their way yet."""
        layers = self._image.manifest.layers
        for layer in layers[layers.index(first) if first is not None else 0 :]:
            if layer.digest not in self._tasks:
                fetching = self._fetch(layer, self._image)
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
