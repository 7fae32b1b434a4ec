"""Layers unpacked side by side: the same tree as one after the other, in the order of the image, all or nothing."""

import asyncio
import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from slipway.base.digests import chain_ids, digest_of
from slipway.base.errors import InvalidArgument
from slipway.containerd.diff.targets import tree_from_mounts
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.model import SnapshotKind
from slipway.containerd.snapshots.overlay import OverlayLayout
from slipway.containerd.transfer.model import ImageStore
from tests.integration.images.conftest import PLATFORM, Bytes, Daemon
from tests.integration.images.distribution import layer_of
from tests.integration.images.test_diff import in_mount
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root
SCOPE = Scope("moby")


def entries(*made: tuple[str, bytes, int, str]) -> bytes:
    """A plain tar of (name, type, mode, link), as its tools never write it: directories may be left out."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind, mode, link in made:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.linkname, entry.mtime = kind, mode, link, 1_000_000_000
            entry.uid = entry.gid = 7
            archive.addfile(entry, io.BytesIO())
    return buffer.getvalue()


def directory(name: str, mode: int = 0o755) -> tuple[str, bytes, int, str]:
    return name, tarfile.DIRTYPE, mode, ""


def file(name: str, mode: int = 0o644) -> tuple[str, bytes, int, str]:
    return name, tarfile.REGTYPE, mode, ""


# Each leans on those below: directories that it does not tell of, deletions, kinds that change, opaque ones, links.
LAYERS = [
    entries(
        directory("a", 0o711), directory("a/b", 0o2750), file("a/b/one"), directory("gone"), file("gone/x"),
        directory("opaque", 0o700), file("opaque/old"), file("becomes"), ("link", tarfile.SYMTYPE, 0o777, "a"),
    ),
    entries(file("a/b/c/two"), file(".wh.gone"), directory("becomes", 0o750), file("becomes/y")),
    entries(file("a/b/c/three"), file("opaque/.wh..wh..opq"), file("opaque/new"), file("gone/again"), file("link/own")),
    entries(file("a/b/.wh.one"), file("becomes/.wh.y"), file("deep/er/and/er/f"), file("a/b/c/.wh.two")),
    entries(directory("deep/er", 0o700), file("deep/er/and/g"), file("a/b/c/four", 0o4755)),
    entries(file("deep/er/and/er/h"), ("hard", tarfile.REGTYPE, 0o600, ""), ("hard2", tarfile.LNKTYPE, 0, "hard")),
]  # fmt: skip


def archive(layers: Sequence[bytes], diff_ids: Sequence[str] = ()) -> bytes:
    ids = list(diff_ids or map(digest_of, layers))
    config = {"os": "linux", "architecture": PLATFORM.architecture, "config": {}, "rootfs": {"diff_ids": ids}}
    names = [f"{at}/layer.tar" for at in range(len(layers))]
    manifest = [{"Config": "c.json", "RepoTags": ["app:1"], "Layers": names}]
    return layer_of(
        {**dict(zip(names, layers, strict=True)), "c.json": json.dumps(config).encode(),
         "manifest.json": json.dumps(manifest).encode()}
    )  # fmt: skip


def load(daemon: Daemon, data: bytes) -> None:
    destination = daemon.destination(prefix="dangling")
    asyncio.run(daemon.transfer.import_archive(SCOPE, Bytes(data), destination, daemon.reported.append))


LIST = r"find . -mindepth 1 -printf '%P %y %m %U:%G %n %l\n' | sort"


def shown(daemon: Daemon, place: Path, layers: Sequence[bytes], snapshotter: str = "overlayfs") -> str:
    top = chain_ids(tuple(map(digest_of, layers)))[-1]
    return in_mount(daemon.stores.snapshotters[snapshotter].view(SCOPE, f"look-{snapshotter}", top), place, LIST)


def test_the_tree_is_that_of_layers_unpacked_one_upon_the_other(
    new_daemon: Callable[[], Daemon], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = new_daemon()
    load(beside, archive(LAYERS))
    monkeypatch.setattr(OverlayLayout, "is_independent", False)
    upon = new_daemon()
    load(upon, archive(LAYERS))
    tree = shown(beside, tmp_path / "m", LAYERS)
    assert tree == shown(upon, tmp_path / "m", LAYERS)
    assert "a/b d 2750 7:7" in tree
    assert "deep/er d 700 7:7" in tree
    for gone in ("gone/x", "opaque/old", "a/b/one", "becomes/y"):
        assert gone not in tree
    own = [
        [snapshotter.usage(SCOPE, name).inodes for name in chain_ids(tuple(map(digest_of, LAYERS)))]
        for snapshotter in (daemon.stores.snapshotters["overlayfs"] for daemon in (beside, upon))
    ]
    assert own[0] == own[1]


class Slow:
    """A layer's blob that comes through a fifo, when the test lets it."""

    def __init__(self, daemon: Daemon, layer: bytes) -> None:
        with daemon.stores.content.reader(SCOPE, digest_of(layer)) as reader:
            self._path = Path(os.readlink(f"/proc/self/fd/{reader.fileno()}"))
        self._layer = layer
        self._path.unlink()
        os.mkfifo(self._path)
        self._held = os.open(self._path, os.O_RDWR)

    def come(self) -> None:
        os.write(self._held, self._layer)
        os.close(self._held)


@pytest.fixture
def stored(daemon: Daemon) -> tuple[Daemon, list[bytes]]:
    """An image of three layers whose snapshots are gone, and the layers."""
    layers = [layer_of({f"file{at}": b"x"}) for at in range(3)]
    load(daemon, archive(layers))
    snapshots = daemon.stores.snapshotters["overlayfs"]
    for name in reversed(chain_ids(tuple(map(digest_of, layers)))):
        snapshots.remove(SCOPE, name)
    return daemon, layers


def unpacking(daemon: Daemon) -> threading.Thread:
    source = ImageStore(name="docker.io/library/app:1", unpacks=daemon.destination().unpacks)
    thread = threading.Thread(
        target=lambda: asyncio.run(daemon.transfer.unpack(SCOPE, source, daemon.reported.append)), daemon=True
    )
    thread.start()
    return thread


def test_upper_layers_do_not_wait_for_lower_ones_and_are_committed_after_them(
    stored: tuple[Daemon, list[bytes]],
) -> None:
    daemon, layers = stored
    snapshots = daemon.stores.snapshotters["overlayfs"]
    slow = Slow(daemon, layers[0])
    thread = unpacking(daemon)

    def files() -> set[str]:
        mounts = [snapshots.mounts(SCOPE, info.name) for info in snapshots.list(SCOPE, ["kind==active"])]
        folders = [tree.path for each in mounts if (tree := tree_from_mounts(each, writable=True))]
        return {name for folder in folders for name in os.listdir(folder)}

    wait_until(lambda: "file1" in files(), "the second layer to be unpacked before the first")
    assert not snapshots.list(SCOPE, ["kind==committed"])
    slow.come()
    thread.join(20)
    assert not thread.is_alive()
    chain = chain_ids(tuple(map(digest_of, layers)))
    assert {info.name: info.parent for info in snapshots.list(SCOPE)} == dict(zip(chain, ("", *chain), strict=False))
    assert not daemon.leases.list(SCOPE)


@pytest.mark.parametrize("bad", [0, 2, 5])
def test_a_layer_of_another_content_takes_those_above_with_it(daemon: Daemon, bad: int) -> None:
    ids = [digest_of(layer) for layer in LAYERS]
    ids[bad] = digest_of(b"other")
    with pytest.raises(InvalidArgument, match="but the image says"):
        load(daemon, archive(LAYERS, ids))
    snapshots = daemon.stores.snapshotters["overlayfs"]
    assert {info.name for info in snapshots.list(SCOPE)} == set(chain_ids(tuple(ids[:bad]))[:bad])
    assert all(info.kind is SnapshotKind.COMMITTED for info in snapshots.list(SCOPE))
    assert not daemon.stores.images.list(SCOPE)
    load(daemon, archive(LAYERS))
    assert len(snapshots.list(SCOPE)) == len(LAYERS)


def test_loads_that_share_layers_make_each_once(daemon: Daemon) -> None:
    images = [archive([*LAYERS[:4], layer_of({"top": bytes([at])})]) for at in range(3)]

    async def load_all() -> None:
        destination = daemon.destination(prefix="dangling")
        loads = (
            daemon.transfer.import_archive(SCOPE, Bytes(data), destination, daemon.reported.append) for data in images
        )
        await asyncio.gather(*loads)

    asyncio.run(load_all())
    infos = daemon.stores.snapshotters["overlayfs"].list(SCOPE)
    assert len(infos) == 4 + 3
    assert all(info.kind is SnapshotKind.COMMITTED for info in infos)


def test_a_snapshot_lost_with_the_power_is_unpacked_again_from_content(daemon: Daemon, tmp_path: Path) -> None:
    """As a daemon does at its first start after another boot; for real: tests/system/test_power_cuts.py."""
    load(daemon, archive(LAYERS))
    snapshots = daemon.stores.snapshotters["overlayfs"]
    before = shown(daemon, tmp_path / "m", LAYERS)
    top = chain_ids(tuple(map(digest_of, LAYERS)))[-1]
    snapshots.prepare(SCOPE, "container", top)
    for info in snapshots.list(SCOPE, ["kind==committed"]):
        assert snapshots.usage(SCOPE, info.name).inodes
    snapshots.recover(machine_stopped=True)  # type: ignore[attr-defined]
    folder = Path(snapshots.mounts.__self__._folders.path)  # type: ignore[attr-defined]
    for snapshot in folder.iterdir():
        for path in (snapshot / "fs").iterdir():
            subprocess.run(["rm", "-rf", path], check=True)
    assert in_mount(snapshots.mounts(SCOPE, "container"), tmp_path / "m", LIST) == before


def link(name: str, target: str) -> tuple[str, bytes, int, str]:
    return name, tarfile.SYMTYPE, 0o777, target


def test_layers_made_to_reach_outside_through_each_other_do_not(daemon: Daemon, tmp_path: Path) -> None:
    """Links of one layer, names below them in the next, deletions and directories without entries in a third."""
    outside = tmp_path / "outside"
    (outside / "d").mkdir(parents=True)
    (outside / "d").chmod(0o700)
    (outside / "secret").write_text("host")
    before = [(path.name, path.stat().st_mode, path.stat().st_uid) for path in sorted(outside.rglob("*"))]
    climb = "../" * 20 + str(outside).lstrip("/")
    hostile = [
        entries(link("abs", str(outside)), link("up", climb), link("odd", f"nosuch/../{climb}"), directory("real")),
        entries(file("abs/secret", 0o777), file("up/d/x"), file("odd/y")),
        entries(file("abs/.wh.secret"), file("up/.wh..wh..opq"), directory("up/d", 0o777), link("real", str(outside))),
        entries(file("real/d/e/f"), file("abs/d/e/f"), directory("odd", 0o777)),
    ]  # fmt: skip
    load(daemon, archive(hostile))
    assert [(path.name, path.stat().st_mode, path.stat().st_uid) for path in sorted(outside.rglob("*"))] == before
    assert (outside / "secret").read_text() == "host"
    assert shown(daemon, tmp_path / "m", hostile)
