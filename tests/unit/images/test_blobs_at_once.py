"""How many blobs a transfer moves at once: as many as its setting says, or all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from slipway.base.clock import Clock
from slipway.base.digests import digest_of
from slipway.base.references import parse_reference
from slipway.clients.registry.interface import Outcome, Repository, Uploads
from slipway.containerd.transfer.fetch import Fetcher
from slipway.containerd.transfer.push import Push
from slipway.containerd.transfer.steps import Steps
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci import image
from tests.unit.images.test_push_sources import SCOPE, Blobs, image_of

REFERENCE = parse_reference("registry.example:5000/team/app:1")
LAYERS = [f"layer {at}".encode() for at in range(9)]
LIMITS = [(1, 1), (2, 2), (3, 3), (0, 9), (-1, 9)]


class Registry:
    """Has every blob, and wants every blob; answers nobody before `expected` ask."""

    def __init__(self, expected: int) -> None:
        self.most = self._going = 0
        self._expected = expected
        self._full = asyncio.Event()

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[None]:
        self._going += 1
        self.most = max(self.most, self._going)
        if self.most >= self._expected:
            self._full.set()
        async with asyncio.timeout(10):
            await self._full.wait()
        for _ in range(20):  # turns of the loop, in which whoever else may begins
            await asyncio.sleep(0)
        yield
        self._going -= 1

    async def push_blob(self, *_: object) -> Outcome:
        async with self._one():
            return Outcome.EXISTS

    async def push_manifest(self, *_: object) -> Outcome:
        return Outcome.EXISTS

    @asynccontextmanager
    async def blob(self, target: Descriptor, offset: int) -> AsyncIterator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            yield next(layer for layer in LAYERS if digest_of(layer) == target.digest)

        async with self._one():
            yield pieces()


class Content:
    """Takes every blob."""

    def __init__(self) -> None:
        self.offset = 0
        self.committed: list[str] = []

    def writer(self, *_: object, **__: object) -> "Content":
        return self

    def write(self, data: bytes) -> None:
        pass

    def commit(self, *, expected: str, **_: object) -> None:
        self.committed.append(expected)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("limit", "most"), LIMITS)
def test_a_push_sends_as_many_blobs_at_once_as_it_may(limit: int, most: int) -> None:
    blobs = Blobs()
    document = image_of(blobs, *(layer.decode() for layer in LAYERS[:-1]))  # and a configuration
    target = Descriptor(media_type=document["mediaType"], digest=document["digest"], size=document["size"])
    stores: Any = type("Stores", (), {"content": blobs})

    async def main() -> int:
        registry = Registry(most)
        steps = Steps("x", lambda progress: None, Clock(), moving="uploading")
        await Push(stores, SCOPE, cast(Uploads, registry), REFERENCE, (), steps, parallel=limit).run(target)
        return registry.most

    assert asyncio.run(main()) == most


@pytest.mark.parametrize(("limit", "most"), LIMITS)
def test_a_pull_fetches_as_many_blobs_at_once_as_it_may(limit: int, most: int) -> None:
    content = Content()
    stores: Any = type("Stores", (), {"content": content, "fetching": {}})
    targets = [Descriptor(media_type=image.OCI_LAYER, digest=digest_of(layer), size=len(layer)) for layer in LAYERS]

    async def main() -> int:
        registry = Registry(most)
        steps = Steps("x", lambda progress: None, Clock())
        fetcher = Fetcher(cast(Repository, registry), cast(Stores, stores), SCOPE, steps, REFERENCE, limit)
        await asyncio.gather(*(fetcher.fetch(target, None) for target in targets))
        return registry.most

    assert asyncio.run(main()) == most
    assert sorted(content.committed) == sorted(target.digest for target in targets)
