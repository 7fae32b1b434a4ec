"""Transfers of this daemon. See interface.Transfer: each method brings the loop and the threads together."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError, InvalidArgument, NotFound
from slipway.base.interruption import Interruption
from slipway.base.references import Reference, complete_reference
from slipway.clients.registry.interface import Repository
from slipway.clients.registry.model import USUAL_PATIENCE, Patience
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.archive_blobs import read_archive, store_bytes
from slipway.containerd.transfer.at_once import PARALLEL
from slipway.containerd.transfer.documents import Documents
from slipway.containerd.transfer.export_archive import select, write_archive
from slipway.containerd.transfer.import_archive import Imported, images_of
from slipway.containerd.transfer.interface import ByteSink, ByteSource, Report
from slipway.containerd.transfer.model import ExportOptions, ImageStore, Progress, Registry
from slipway.containerd.transfer.names import names_for_member, names_for_target
from slipway.containerd.transfer.pull import Pull
from slipway.containerd.transfer.push import Push
from slipway.containerd.transfer.read_ahead import BufferedWriter, ReadAhead
from slipway.containerd.transfer.registries import open_repository, open_uploads
from slipway.containerd.transfer.steps import Steps
from slipway.containerd.transfer.store_images import store_names
from slipway.containerd.transfer.stores import Stores
from slipway.containerd.transfer.unpack import Unpacker
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci.image import OCI_INDEX

# Archives and pulls that may be under way at once; further ones wait.
TRANSFERS: Final = 64


class LocalTransfer:
    """Moves images between registries, archives and the stores of this daemon.

    A transfer's thread waits for its client, a registry or a snapshotter of another process, which may be slow or
    silent: it is none of the threads that serve everyone. `host_roots` are folders of hosts.toml for clients that name
    none (`roots_of` reads them from `config_path`). `downloads` and `uploads` are how many blobs one transfer moves at
    a time; 0 or less: all of them. `download_attempts` that bring nothing end a pull; 0: as many as `patience` has.
    """

    def __init__(
        self,
        stores: Stores,
        *,
        host_roots: Sequence[str] = (),
        downloads: int = PARALLEL,
        uploads: int = PARALLEL,
        download_attempts: int = 0,
        patience: Patience = USUAL_PATIENCE,
    ) -> None:
        self._stores = stores
        self._host_roots = tuple(host_roots)
        self._downloads = downloads
        self._uploads = uploads
        self._patience = patience
        self._download_patience = patience.with_attempts(download_attempts) if download_attempts else patience
        self._threads = ThreadPoolExecutor(TRANSFERS, thread_name_prefix="transfer")

    async def import_archive(
        self, scope: Scope, source: ByteSource, destination: ImageStore, report: Report, *, force_compress: bool = False
    ) -> None:
        report(Progress(event="Importing"))
        stream = ReadAhead(source)
        filling = asyncio.get_running_loop().create_task(stream.fill(), name="read image archive")
        try:
            await self._in_own_thread(self._import, scope, stream, destination, report, force_compress)
        finally:
            filling.cancel()
            await asyncio.wait([filling])
        report(Progress(event="Completed import"))

    async def pull(self, scope: Scope, source: Registry, destination: ImageStore, report: Report) -> None:
        reference = complete_reference(source.reference)
        place = _place(source)
        report(Progress(event=f"Resolving from {place}"))
        async with AsyncExitStack() as stack:
            held = await self._lease(stack, scope)
            repository = await asyncio.to_thread(self._open, source, reference)
            stack.push_async_callback(repository.close)
            target = await _resolve(repository, reference)
            report(Progress(event=f"Pulling from {place}"))
            report(Progress(event="fetching image content", name=reference.complete))
            pull = Pull(
                self._stores, held, repository, reference, destination, report, self._threads, parallel=self._downloads
            )
            await pull.run(target)
            names = names_for_target(destination, target.digest)
            await asyncio.to_thread(self._store, held, names, target, destination, report)
        report(Progress(event=f"Completed pull from {place}"))

    def _open(self, source: Registry, reference: Reference) -> Repository:
        return open_repository(source, reference, host_roots=self._host_roots, patience=self._download_patience)

    async def push(self, scope: Scope, source: ImageStore, destination: Registry, report: Report) -> None:
        image = await asyncio.to_thread(self._stores.images.get, scope, source.name)
        reference = complete_reference(destination.reference)
        place = _place(destination)
        report(Progress(event=f"Pushing to {place}"))
        report(Progress(event="pushing content", name=image.name, descriptor=image.target))
        steps = Steps(image.name, report, self._stores.clock, moving="uploading")
        opening = partial(open_uploads, host_roots=self._host_roots, patience=self._patience)
        uploads = await asyncio.to_thread(opening, destination, reference)
        try:
            push = Push(self._stores, scope, uploads, reference, source.platforms, steps, parallel=self._uploads)
            await push.run(image.target)
        finally:
            await uploads.close()
        report(Progress(event="pushed content", name=image.name, descriptor=image.target))
        report(Progress(event=f"Completed push to {place}", descriptor=image.target))

    async def export_archive(
        self, scope: Scope, source: ImageStore, sink: ByteSink, options: ExportOptions, report: Report
    ) -> None:
        loop = asyncio.get_running_loop()

        def write(data: bytes) -> None:
            asyncio.run_coroutine_threadsafe(sink.write(data), loop).result()

        report(Progress(event="Exporting"))
        async with AsyncExitStack() as stack:
            held = await self._lease(stack, scope)
            await self._in_own_thread(self._export, held, source, BufferedWriter(write), options)
        report(Progress(event="Completed export"))

    async def tag(self, scope: Scope, source: ImageStore, destination: ImageStore) -> None:
        await asyncio.to_thread(self._tag, scope, source, destination)

    async def unpack(self, scope: Scope, source: ImageStore, report: Report) -> None:
        await self._in_own_thread(self._unpack_stored, scope, source, report)

    async def _in_own_thread(self, work: Callable[..., None], *arguments: Any) -> None:
        """`work` gets an interruption as its last argument, which happens when its client has gone."""
        interruption = Interruption()
        working = partial(work, *arguments, interruption)
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, working)
        except asyncio.CancelledError:
            interruption.happen()
            raise

    async def _lease(self, stack: AsyncExitStack, scope: Scope) -> Scope:
        lease = self._stores.leased(scope, _lease_name())
        held = await asyncio.to_thread(lease.__enter__)
        stack.push_async_callback(asyncio.to_thread, lease.__exit__, None, None, None)
        return held

    def _import(
        self,
        scope: Scope,
        stream: ReadAhead,
        destination: ImageStore,
        report: Report,
        force_compress: bool,
        interruption: Interruption,
    ) -> None:
        with self._stores.leased(scope, _lease_name()) as held:
            archive = read_archive(self._stores.content, held, stream.next_chunk)
            imported = images_of(archive, self._stores.content, held, force_compress=force_compress)
            targets = imported.images
            for target in {target.digest: target for target in targets}.values():
                try:
                    self._complete(held, target, destination, report, interruption)
                except NotFound as error:
                    raise InvalidArgument(f"read image archive: it lacks a part: {error.message}") from error
            self._store_index(held, imported, destination, report)
            for target in targets:
                names = names_for_member(destination, target.digest, target.annotations)
                self._store(held, names, target, destination, report)

    def _store_index(self, scope: Scope, imported: Imported, destination: ImageStore, report: Report) -> None:
        """The archive as a whole is an image too, if it is given a name."""
        digest = digest_of(imported.index)
        names = names_for_target(destination, digest)
        if not names:
            return
        target = Descriptor(media_type=OCI_INDEX, digest=digest, size=len(imported.index))
        store_bytes(self._stores.content, scope, f"index-{digest}", imported.index, digest)
        documents = Documents(self._stores.content, scope)
        documents.label(target, documents.read(target))
        self._store(scope, names, target, destination, report)

    def _export(
        self, scope: Scope, source: ImageStore, writer: BufferedWriter, options: ExportOptions, _: Interruption
    ) -> None:
        names = [source.name, *(reference.name for reference in source.extra_references)]
        images = [self._stores.images.get(scope, name) for name in names if name]
        if not images:
            raise InvalidArgument("export: no image was named")
        documents = Documents(self._stores.content, scope)
        wanted = options.platforms or source.platforms or (self._stores.platform,)
        selection = select(
            documents, images, wanted, everything=options.all_platforms, skip_foreign=options.skip_non_distributable
        )
        compatible = not options.skip_compatibility_manifest
        write_archive(self._stores.content, scope, images, selection, writer.write, compatible=compatible)
        writer.flush()

    def _complete(
        self, scope: Scope, target: Descriptor, destination: ImageStore, report: Report, interruption: Interruption
    ) -> None:
        """Label what came, and unpack it."""
        documents = Documents(self._stores.content, scope)
        unpacker = Unpacker(self._stores, scope, destination.unpacks, report, interruption)
        for image in documents.images(target, destination.platforms, visit=documents.label):
            unpacker.unpack(image)

    def _store(
        self, scope: Scope, names: Sequence[str], target: Descriptor, destination: ImageStore, report: Report
    ) -> None:
        for image in store_names(self._stores.images, scope, names, target, destination.labels):
            report(Progress(event="saved", name=image.name, descriptor=target))

    def _tag(self, scope: Scope, source: ImageStore, destination: ImageStore) -> None:
        target = self._stores.images.get(scope, source.name).target
        names = names_for_target(destination, target.digest)
        if not names:
            raise NotFound("no image name found: not found")
        self._store(scope, names, target, destination, lambda progress: None)

    def _unpack_stored(self, scope: Scope, source: ImageStore, report: Report, interruption: Interruption) -> None:
        target = self._stores.images.get(scope, source.name).target
        with self._stores.leased(scope, _lease_name()) as held:
            documents = Documents(self._stores.content, held)
            unpacker = Unpacker(self._stores, held, source.unpacks, report, interruption)
            for image in documents.images(target, [unpack.platform for unpack in source.unpacks]):
                unpacker.unpack(image)


async def _resolve(repository: Repository, reference: Reference) -> Descriptor:
    try:
        return await repository.resolve(reference)
    except EngineError as error:
        raise type(error)(f'failed to resolve reference "{reference.complete}": {error.message}', error.hint) from error


def _place(registry: Registry) -> str:
    """In the original's words."""
    return f"OCI Registry ({registry.reference})"


def _lease_name() -> str:
    return f"transfer-{secrets.token_hex(8)}"
