"""A fetch that is cancelled while a thread works for it: what the thread has opened is closed all the same."""

import asyncio
import threading
from typing import Any, cast

import pytest

from slipway.base.clock import Clock
from slipway.base.references import parse_reference
from slipway.clients.registry.interface import Repository
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.fetch import Fetcher
from slipway.containerd.transfer.steps import Steps
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.containerd_api.types import Descriptor

LAYER = Descriptor(media_type="application/vnd.oci.image.layer.v1.tar", digest="sha256:" + "0" * 64, size=0)


class Writer:
    """An ingest that is complete already. `slow` is the step at which the thread waits for the test."""

    def __init__(self, slow: str) -> None:
        self._slow = slow
        self.offset = 0
        self.reached, self.go_on, self.closed = threading.Event(), threading.Event(), threading.Event()

    def at(self, step: str) -> None:
        if step == self._slow:
            self.reached.set()
            assert self.go_on.wait(10)

    def write(self, data: bytes) -> None:
        self.at("write")

    def commit(self, **_: object) -> None:
        self.at("commit")

    def close(self) -> None:
        self.closed.set()


class Content:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def writer(self, *_: object, **__: object) -> Writer:
        self._writer.at("open")
        return self._writer


@pytest.mark.parametrize("step", ["open", "commit"])
def test_the_ingest_is_closed_whenever_the_fetch_ends(step: str) -> None:
    writer = Writer(step)

    async def main() -> None:
        stores: Any = type("Stores", (), {"content": Content(writer), "fetching": {}})
        steps = Steps("x", lambda progress: None, Clock())
        repository = cast(Repository, None)
        fetcher = Fetcher(repository, cast(Stores, stores), Scope("moby"), steps, parse_reference("registry.example/x"))
        fetching = asyncio.create_task(fetcher.fetch(LAYER, None))
        await asyncio.to_thread(writer.reached.wait, 10)
        fetching.cancel()
        await asyncio.sleep(0)
        writer.go_on.set()
        await asyncio.wait([fetching], timeout=10)
        assert fetching.cancelled()
        assert await asyncio.to_thread(writer.closed.wait, 10), "nobody has closed it"

    asyncio.run(main())
