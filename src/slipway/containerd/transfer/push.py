"""Image store to registry: blobs side by side, then manifests, then indexes; never a parent before its children."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.references import Reference
from slipway.clients.registry.interface import Outcome, Uploads
from slipway.clients.registry.model import Body
from slipway.containerd.content.interface import ContentReader
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.at_once import PARALLEL, places
from slipway.containerd.transfer.finishing import close_in_thread
from slipway.containerd.transfer.push_plan import Part, Planner, PushPlan
from slipway.containerd.transfer.sources import add_source
from slipway.containerd.transfer.steps import Steps
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci.image import DOCUMENT_LIMIT

_PIECE: Final = 1 << 18  # bytes; each must go out within the write timeout, on a slow line too


class Push:
    """One image of one scope into one repository. `wanted` empty: every platform that its index names."""

    def __init__(
        self, stores: Stores, scope: Scope, uploads: Uploads, reference: Reference, wanted: Sequence[Platform],
        steps: Steps, *, parallel: int = PARALLEL,
    ) -> None:  # fmt: skip
        self._content = stores.content
        self._scope = scope
        self._uploads = uploads
        self._reference = reference
        self._planner = Planner(stores.content, scope, reference, wanted)
        self._steps = steps
        self._free = places(parallel)

    async def run(self, target: Descriptor) -> None:
        """Send what `target` leads to and the registry lacks; the root gets the reference's tag.

        A failure leaves in the registry what has arrived, which nothing names there. Raises NotFound naming the content
        that neither the store nor the registry has, InvalidArgument, and what the registry client raises.
        """
        plan = await asyncio.to_thread(self._planner.plan, target)
        for part in plan.parts():
            self._steps.add(part.target, part.parent)
        await self._side_by_side(self._push_blob, plan.blobs)
        await self._side_by_side(lambda part: self._push_manifest(part, target), plan.manifests)
        for part in plan.indexes:
            await self._push_index(part, target)
        await asyncio.to_thread(self._remember, plan)

    async def _side_by_side(self, push: Callable[[Part], Awaitable[None]], parts: Sequence[Part]) -> None:
        """The first failure ends the others."""

        async def push_one(part: Part) -> None:
            async with self._free:
                await push(part)

        try:
            async with asyncio.TaskGroup() as group:
                for part in parts:
                    group.create_task(push_one(part), name=f"push {part.target.digest}")
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _push_blob(self, part: Part) -> None:
        body = Body(size=part.target.size, pieces=lambda: self._pieces(part.target))
        self._tell(part, await self._uploads.push_blob(part.target, body, part.mount_from))

    async def _push_manifest(self, part: Part, root: Descriptor) -> None:
        data = await asyncio.to_thread(self._content.read, self._scope, part.target.digest, limit=DOCUMENT_LIMIT)
        tag = self._tag(root) if part.target.digest == root.digest else ""
        self._tell(part, await self._uploads.push_manifest(part.target, data, tag))

    async def _push_index(self, part: Part, root: Descriptor) -> None:
        try:
            await self._push_manifest(part, root)
        except InvalidArgument as error:
            sentence = "manifest list/index references to blobs and/or manifests are missing in your target registry"
            raise InvalidArgument(f"{sentence}: {error.message}") from error

    def _tag(self, root: Descriptor) -> str:
        """A reference to another digest than the image's tags nothing."""
        return self._reference.tag if self._reference.digest in ("", root.digest) else ""

    def _tell(self, part: Part, outcome: Outcome) -> None:
        if outcome is Outcome.SENT:
            self._steps.complete(part.target)
        else:
            self._steps.exists(part.target, mounted_from=part.mount_from if outcome is Outcome.MOUNTED else "")

    async def _pieces(self, target: Descriptor) -> AsyncGenerator[bytes, None]:
        """A blob of the store, read as the registry takes it. Raises NotFound."""
        blob = _OpenBlob(lambda: self._open(target))
        try:
            offset = 0
            while offset < target.size:
                piece = await asyncio.to_thread(blob.read_at, offset)
                offset += len(piece)
                yield piece
                self._steps.progress(target, offset)
        finally:
            await close_in_thread(blob)

    def _open(self, target: Descriptor) -> ContentReader:
        reader = self._content.reader(self._scope, target.digest)
        if reader.size != target.size:
            reader.close()
            raise InvalidArgument(f"push {target.digest}: it has {reader.size} bytes, but the image says {target.size}")
        return reader

    def _remember(self, plan: PushPlan) -> None:
        for part in plan.parts():
            add_source(self._content, self._scope, part.target.digest, self._reference)


class _OpenBlob:
    """Opened, read and closed by threads: a close waits for the thread that a cancelled push has left behind, or keeps
    it from opening anything."""

    def __init__(self, open_reader: Callable[[], ContentReader]) -> None:
        self._open_reader = open_reader
        self._lock = threading.Lock()
        self._reader: ContentReader | None = None
        self._is_closed = False

    def read_at(self, offset: int) -> bytes:
        with self._lock:
            if self._is_closed:
                return b""
            if self._reader is None:
                self._reader = self._open_reader()
            return self._reader.read_at(offset, _PIECE)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._reader is not None:
                self._reader.close()
