"""The implementations that the suite runs against, and a way to write into what their mounts show."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path

import pytest

from slipway.base.clock import Clock
from slipway.base.errors import NotFound
from slipway.containerd.diff.targets import tree_from_mounts
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.snapshots.choice import open_snapshotters
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.containerd.snapshots.proxy import ProxySnapshotter
from slipway.containerd.snapshots.snapshotter import FolderSnapshotter
from slipway.contracts.containerd_api.types import Mount
from slipway.database.sqlite import SqliteDatabase
from tests.support.snapshotter_plugin import Plugin, served_here

Shell = Callable[[Sequence[Mount], str], str]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    schema = resources.files("slipway.containerd.metadata").joinpath("schema.sql").read_text()
    opened = SqliteDatabase(str(tmp_path / "meta.db"), schema)
    yield opened
    opened.close()


class MemoryLayers:
    """Layers by the name of their snapshot, each of one file."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, str]] = {}
        self.filled: list[str] = []

    def has(self, namespace: str, name: str, parent: str) -> bool:
        return name in self.known

    def fill(self, namespace: str, name: str, parent: str, mounts: Sequence[Mount]) -> None:
        if name not in self.known:
            raise NotFound(f"{name}: not found")
        file, text = self.known[name]
        tree = tree_from_mounts(mounts, writable=True)
        assert tree is not None
        (Path(tree.path) / file).write_text(text)
        self.filled.append(name)


@pytest.fixture
def layers() -> MemoryLayers:
    return MemoryLayers()


def _root(request: pytest.FixtureRequest, short_folder: Path) -> str:
    """Below a temporary folder of its own on a disk that overlayfs accepts; the database is gone with the test."""
    return str(short_folder / f"snapshots-{request.node.name.partition('[')[0]}-{request.param}")


@pytest.fixture(params=["overlayfs", "native"])
def folder_snapshotter(
    request: pytest.FixtureRequest, short_folder: Path, database: SqliteDatabase, layers: MemoryLayers
) -> Iterator[FolderSnapshotter]:
    """One of ours."""
    clock = Clock()
    found = open_snapshotters(_root(request, short_folder), database, LeaseStore(database, clock), clock, layers)
    if request.param not in found.by_name:
        pytest.skip("overlayfs is missing")
    yield next(each for each in found.own if each.name == request.param)
    for each in found.own:
        each.close()


@pytest.fixture(params=["overlayfs", "native", "proxied"])
def snapshotter(
    request: pytest.FixtureRequest, short_folder: Path, database: SqliteDatabase, layers: MemoryLayers
) -> Iterator[Snapshotter]:
    """One of ours, or another process's: that is overlayfs again, asked over a socket."""
    clock, root = Clock(), _root(request, short_folder)
    leases = LeaseStore(database, clock)
    if request.param == "proxied":
        with served_here(Plugin(Path(root), "far")) as client:
            proxy = ProxySnapshotter(client, database, leases, clock)
            yield proxy
            proxy.threads.shutdown()  # type: ignore[union-attr]
        return
    found = open_snapshotters(root, database, leases, clock, layers)
    if request.param not in found.by_name:
        pytest.skip("overlayfs is missing")
    yield found.by_name[request.param]
    for each in found.own:
        each.close()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Run a script in the tree that mounts show, in a mount namespace of its own; returns what it prints."""
    place = tmp_path / "mounted"
    place.mkdir(exist_ok=True)

    def run(mounts: Sequence[Mount], script: str) -> str:
        commands = [_command(mount, str(place)) for mount in mounts]
        whole = "\n".join(["set -e", *commands, f"cd {place}", script])  # never run the script anywhere else
        argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", whole]
        # util-linux 2.39 and newer would pass options one by one, each of 255 bytes at most.
        environment = os.environ | {"LIBMOUNT_FORCE_MOUNT2": "always"}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _command(mount: Mount, place: str) -> str:
    kind = [] if mount.type == "bind" else ["-t", mount.type]
    return shlex.join(["mount", *kind, "-o", ",".join(mount.options), mount.source, place])
