"""A volume that a container which is being made is to have is nobody's to remove, though no container names it yet."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slipway.base.errors import FailedPrecondition
from slipway.dockerd.api.volumes import VolumeRoutes
from slipway.dockerd.volumes.store import VolumeStore


def nobody(_name: str) -> bool:
    return False


@pytest.fixture
def store(tmp_path: Path) -> VolumeStore:
    events: Any = SimpleNamespace(publish=lambda *_: None)
    found = VolumeStore(str(tmp_path), lambda: 0, events)
    found.load()
    return found


@pytest.mark.parametrize("name", ["data", ""])
def test_a_prune_leaves_it_until_the_container_is_there(store: VolumeStore, name: str) -> None:
    async def test() -> None:
        if name:
            await store.create(name)  # long before
        with ExitStack() as held:
            volume = await store.create(name, held=held)
            assert not await store.prune([volume.name], nobody)
            assert store.get(volume.name)
        assert await store.prune([volume.name], nobody) == [volume.name]

    asyncio.run(test())


def test_it_is_held_from_the_first_moment(store: VolumeStore) -> None:
    async def test() -> None:
        with ExitStack() as held:
            making = asyncio.create_task(store.create("data", held=held))
            while not store.list():
                await asyncio.sleep(0)
            assert not await store.prune(["data"], nobody)
            await making

    asyncio.run(test())


def test_two_may_hold_it(store: VolumeStore) -> None:
    async def test() -> None:
        with ExitStack() as first:
            with ExitStack() as second:
                await store.create("data", held=first)
                await store.create("data", held=second)
            assert store.is_held("data")
        assert not store.is_held("data")

    asyncio.run(test())


def test_what_could_not_be_made_is_not_held(store: VolumeStore) -> None:
    async def test() -> None:
        with ExitStack() as held:
            with pytest.raises(Exception, match="driver"):
                await store.create("data", options={"o": "x"}, held=held)
            assert not store.is_held("data")

    asyncio.run(test())


def test_it_is_in_use_for_who_removes_it_by_name(store: VolumeStore) -> None:
    async def test() -> None:
        call: Any = SimpleNamespace(names={"name": "data"}, query=SimpleNamespace(boolean=lambda _: False))
        routes = VolumeRoutes(store, lambda _: [])
        with ExitStack() as held:
            await store.create("data", held=held)
            with pytest.raises(FailedPrecondition) as raised:
                await routes.remove(call)
            assert raised.value.message == "remove data: volume is in use - []"
        await routes.remove(call)
        assert not store.list()

    asyncio.run(test())
