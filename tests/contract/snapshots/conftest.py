"""The implementations that the suite runs against, and a way to write into what their mounts show."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path

import pytest

from slipway.base.clock import Clock
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.snapshots.choice import open_snapshotters
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.containerd.snapshots.proxy import ProxySnapshotter
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


@pytest.fixture(params=["overlayfs", "native", "proxied"])
def snapshotter(request: pytest.FixtureRequest, short_folder: Path, database: SqliteDatabase) -> Iterator[Snapshotter]:
    """One of ours, or another process's: that is overlayfs again, asked over a socket."""
    # Below a temporary folder of its own on a disk that overlayfs accepts; the database is gone with the test.
    root = short_folder / f"snapshots-{request.node.name.partition('[')[0]}-{request.param}"
    clock = Clock()
    leases = LeaseStore(database, clock)
    if request.param == "proxied":
        with served_here(Plugin(root, "far")) as client:
            proxy = ProxySnapshotter(client, database, leases, clock)
            yield proxy
            proxy.threads.shutdown()  # type: ignore[union-attr]
        return
    found = open_snapshotters(str(root), database, leases, clock).by_name
    if request.param not in found:
        pytest.skip("overlayfs is missing")
    yield found[request.param]


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
