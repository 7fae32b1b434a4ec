"""Downloads that another registry began, wrongly, or holds up."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from slipway.base.clock import Clock
from slipway.base.errors import FailedPrecondition, InvalidArgument, Unavailable
from slipway.base.references import parse_reference
from slipway.clients.registry.connection import Connection
from slipway.clients.registry.interface import Repository
from slipway.clients.registry.model import Patience
from slipway.clients.registry.repository import RegistryRepository
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.fetch import Fetcher
from slipway.containerd.transfer.steps import Steps
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.containerd_api.types import Descriptor

DATA = b"layer" * 100
LAYER = Descriptor(
    media_type="application/vnd.oci.image.layer.v1.tar",
    digest=f"sha256:{hashlib.sha256(DATA).hexdigest()}",
    size=len(DATA),
)
REFERENCE = parse_reference("registry.example/x")


class Content:
    """A store with one ingest, which is also its writer."""

    def __init__(self, left: bytes) -> None:
        self.data = bytearray(left)
        self.is_committed = False

    @property
    def offset(self) -> int:
        return len(self.data)

    def writer(self, *_: object, **__: object) -> "Content":
        return self

    def write(self, data: bytes) -> None:
        self.data += data

    def truncate(self) -> None:
        self.data.clear()

    def commit(self, *, size: int, expected: str, **_: object) -> None:
        if f"sha256:{hashlib.sha256(self.data).hexdigest()}" != expected:
            raise FailedPrecondition("unexpected digest")
        self.is_committed = True

    def abort(self, *_: object) -> None:
        self.data.clear()

    def close(self) -> None:
        return


class Honest:
    """A repository that has `data` for the layer."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.asked: list[int] = []

    @asynccontextmanager
    async def blob(self, target: Descriptor, offset: int) -> AsyncIterator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            yield self._data[offset:]

        self.asked.append(offset)
        yield pieces()


def fetch(content: Content, repository: Honest) -> None:
    async def main() -> None:
        stores: Any = type("Stores", (), {"content": content, "fetching": {}})
        steps = Steps("x", lambda progress: None, Clock())
        fetcher = Fetcher(cast(Repository, repository), cast(Stores, stores), Scope("moby"), steps, REFERENCE)
        await fetcher.fetch(LAYER, None)

    asyncio.run(main())


def test_what_a_liar_began_is_thrown_away_and_the_honest_one_asked_for_all() -> None:
    content, honest = Content(b"lies"), Honest(DATA)
    fetch(content, honest)
    assert content.is_committed
    assert honest.asked == [4, 0]


@pytest.mark.parametrize(("left", "asked"), [(b"", [0]), (b"left", [4, 0])])
def test_a_liar_is_asked_for_all_once(left: bytes, asked: list[int]) -> None:
    content, liar = Content(left), Honest(b"x" * len(DATA))
    with pytest.raises(InvalidArgument, match="something else"):
        fetch(content, liar)
    assert (liar.asked, content.offset) == (asked, 0)


class Dripping:
    """A connection whose every body comes by the byte, for ever."""

    status_code = 200

    @asynccontextmanager
    async def request(self, *_: object) -> AsyncIterator["Dripping"]:
        yield self

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.002)
            yield b"x"


def test_a_registry_that_drips_is_given_up() -> None:
    """Everybody else who wanted the blob waited for it."""
    repository = RegistryRepository(REFERENCE, [], patience=Patience(crawl=0.02, pauses=()))
    repository._connections = [cast(Connection, Dripping())]

    async def main() -> None:
        async with asyncio.timeout(10), repository.blob(Descriptor(media_type="m", digest="d", size=1 << 40)) as pieces:
            async for _ in pieces:
                pass

    with pytest.raises(Unavailable, match="bytes in"):
        asyncio.run(main())
