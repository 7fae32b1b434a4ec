"""Volumes on disk, while they are removed and after a crash."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway.base.errors import NotFound
from slipway.dockerd.volumes import store as module
from slipway.dockerd.volumes.store import VolumeStore


class NoEvents:
    def publish(self, kind: str, action: str, actor: str, attributes: Mapping[str, str]) -> None:
        return


def volumes(root: Path) -> VolumeStore:
    store = VolumeStore(str(root), lambda: 0, NoEvents())  # type: ignore[arg-type] # all that is asked of them
    store.load()
    return store


def test_a_volume_made_while_its_forerunner_is_removed_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may get a tree to write in that root is walking."""
    removing, may_remove = threading.Event(), threading.Event()
    remove_tree = module._remove_tree

    def held_up(*arguments: Any) -> None:
        removing.set()
        may_remove.wait()
        remove_tree(*arguments)

    monkeypatch.setattr(module, "_remove_tree", held_up)

    async def story() -> None:
        store = volumes(tmp_path)
        first = await store.create("data")
        Path(first.mountpoint, "old").touch()
        removal = asyncio.create_task(store.remove("data"))
        await asyncio.to_thread(removing.wait)
        second = await store.create("data")
        assert list(Path(second.mountpoint).iterdir()) == []
        Path(second.mountpoint, "new").touch()
        may_remove.set()
        await removal
        assert [path.name for path in Path(second.mountpoint).iterdir()] == ["new"]
        assert [path.name for path in tmp_path.iterdir()] == ["data"]

    asyncio.run(story())


def test_a_removal_that_a_crash_broke_off_is_ended_by_the_next_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise OSError("as if")

    async def story() -> None:
        store = volumes(tmp_path)
        for name in ("kept", "going"):
            await store.create(name)
        with monkeypatch.context() as broken:
            broken.setattr(module, "_remove_tree", crash)
            with pytest.raises(OSError, match="as if"):
                await store.remove("going")
        after = volumes(tmp_path)
        with pytest.raises(NotFound):
            after.get("going")
        await after.finish_removals()
        assert [path.name for path in tmp_path.iterdir()] == ["kept"]

    asyncio.run(story())
