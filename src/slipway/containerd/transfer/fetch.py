"""Fetches blobs from a repository into the content store: several at a time, each resumed where it broke."""

import asyncio
from typing import Final

from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from slipway.base.references import Reference
from slipway.clients.registry.interface import Repository
from slipway.containerd.content.interface import ContentWriter
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.at_once import PARALLEL, places
from slipway.containerd.transfer.finishing import close_in_thread, open_in_thread
from slipway.containerd.transfer.references import ref_of
from slipway.containerd.transfer.sources import add_source, source_label
from slipway.containerd.transfer.steps import Steps
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.containerd_api.types import Descriptor

_PIECE: Final = 1 << 20


class Fetcher:
    """One repository into one scope. Every blob remembers that the repository has it."""

    def __init__(
        self, repository: Repository, stores: Stores, scope: Scope, steps: Steps, reference: Reference,
        parallel: int = PARALLEL,
    ) -> None:  # fmt: skip
        self._repository = repository
        self._content = stores.content
        self._locks = stores.fetching
        self._scope = scope
        self._steps = steps
        self._reference = reference
        self._free = places(parallel)

    async def fetch(self, target: Descriptor, parent: Descriptor | None, *, whole: bool = False) -> None:
        """Have the blob in the store. `whole` is for manifests, which registries serve elsewhere.

        A failure keeps what has arrived. Raises what the repository raises; FailedPrecondition for another content than
        `target` names, Unavailable while a client of the content store writes the same blob.
        """
        self._steps.add(target, parent)
        lock = self._locks.setdefault((self._scope.namespace, target.digest), asyncio.Lock())
        async with lock, self._free:
            # What is resumed may be another registry's, and wrong: this one is not blamed before it is asked for all.
            if not (await self._fetch_once(target, whole=whole) or await self._fetch_once(target, whole=whole)):
                raise InvalidArgument(f"fetch {target.digest}: the registry sent something else")

    async def _fetch_once(self, target: Descriptor, *, whole: bool) -> bool:
        """False if the content was wrong, and begun by somebody else. It is thrown away in either case."""
        writer = await self._open(target)
        if writer is None:
            await asyncio.to_thread(add_source, self._content, self._scope, target.digest, self._reference)
            self._steps.exists(target)
            return True
        is_resumed = writer.offset > 0
        try:
            if whole:
                await self._write_document(writer, target)
            else:
                await self._write_blob(writer, target)
            if not await self._commit(writer, target):
                if is_resumed:
                    return False
                raise InvalidArgument(f"fetch {target.digest}: the registry sent something else")
        finally:
            await close_in_thread(writer)
        self._steps.complete(target)
        return True

    async def _open(self, target: Descriptor) -> ContentWriter | None:
        """None when the store has the blob already."""

        def open_writer() -> ContentWriter | None:
            try:
                return self._content.writer(
                    self._scope, ref_of(target), total=max(target.size, 0), expected=target.digest
                )
            except AlreadyExists:
                return None

        return await open_in_thread(open_writer)

    async def _write_document(self, writer: ContentWriter, target: Descriptor) -> None:
        if writer.offset == target.size:
            return
        data = await self._repository.manifest(target)

        def write() -> None:
            writer.truncate()
            writer.write(data)

        await asyncio.to_thread(write)

    async def _write_blob(self, writer: ContentWriter, target: Descriptor) -> None:
        if writer.offset > target.size:
            await asyncio.to_thread(writer.truncate)
        if writer.offset == target.size:
            return
        waiting = bytearray()
        async with self._repository.blob(target, writer.offset) as pieces:
            async for piece in pieces:
                waiting += piece
                if len(waiting) >= _PIECE:
                    await asyncio.to_thread(writer.write, waiting)
                    waiting = bytearray()
                    self._steps.progress(target, writer.offset)
        await asyncio.to_thread(writer.write, waiting)

    async def _commit(self, writer: ContentWriter, target: Descriptor) -> bool:
        """Whether it is what `target` names; what is not is thrown away."""
        labels = {source_label(self._reference.domain): self._reference.path}

        def commit() -> bool:
            try:
                writer.commit(size=max(target.size, 0), expected=target.digest, labels=labels)
            except AlreadyExists:
                return True
            except FailedPrecondition:
                self._throw_away(writer, target)
                return False
            return True

        return await asyncio.to_thread(commit)

    def _throw_away(self, writer: ContentWriter, target: Descriptor) -> None:
        """What is wrong must not be resumed."""
        writer.close()
        try:
            self._content.abort(self._scope, ref_of(target))
        except NotFound:
            return
