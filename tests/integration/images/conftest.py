"""containerd's stores on real files, without its API: what transfers work on."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest
from google.protobuf.message import Message

from slipway.archive.unpack import Unpackers
from slipway.base.clock import Clock
from slipway.containerd.collection.collector import Collector
from slipway.containerd.content.store import FileContentStore
from slipway.containerd.diff.differ import DirectoryDiffer
from slipway.containerd.diff.stored_layers import StoredLayers
from slipway.containerd.images.store import SqlImageStore
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.snapshots.choice import open_snapshotters
from slipway.containerd.transfer.model import ExtraReference, ImageStore, Progress, Unpack
from slipway.containerd.transfer.service import LocalTransfer
from slipway.containerd.transfer.stores import Stores
from slipway.contracts.oci.platforms import platform_from_machine
from slipway.database.sqlite import SqliteDatabase

PLATFORM = platform_from_machine(os.uname().machine)


@dataclass
class Daemon:
    """The stores, the transfers between them, and what was reported."""

    stores: Stores
    transfer: LocalTransfer
    leases: LeaseStore
    collector: Collector
    reported: list[Progress]

    def destination(self, name: str = "", *, prefix: str = "") -> ImageStore:
        extra = ExtraReference(
            name=prefix, is_prefix=True, allow_overwrite=True, add_digest=True, skip_named_digest=True
        )
        return ImageStore(
            name=name,
            platforms=(PLATFORM,),
            extra_references=(extra,) if prefix else (),
            unpacks=(Unpack(platform=PLATFORM),),
        )


class NoEvents:
    """Nobody listens."""

    def publish(self, namespace: str, topic: str, event: Message) -> None:
        pass


class Bytes:
    """An archive in memory as the client's stream; in pieces of odd size."""

    def __init__(self, data: bytes, size: int = 31337) -> None:
        self._pieces = iter([data[at : at + size] for at in range(0, len(data), size)])

    async def read(self) -> bytes:
        return next(self._pieces, b"")


@pytest.fixture
def new_daemon(short_folder: Path) -> Iterator[Callable[[], Daemon]]:
    ends: list[Callable[[], object]] = []

    def make() -> Daemon:
        root = Path(tempfile.mkdtemp(prefix="stores-", dir=short_folder))
        clock = Clock()
        schema = resources.files("slipway.containerd.metadata").joinpath("schema.sql").read_text()
        database = SqliteDatabase(str(root / "metadata.db"), schema)
        exchange = NoEvents()
        leases = LeaseStore(database, clock)
        content = FileContentStore(str(root / "content"), database, leases, exchange, clock)
        unpackers = Unpackers(2)
        differ = DirectoryDiffer(content, unpackers)
        snapshotters = open_snapshotters(str(root), database, leases, clock, StoredLayers(content, differ))
        ends.extend([*(each.close for each in snapshotters.by_name.values()), unpackers.close, database.close])
        stores = Stores(
            content=content,
            images=SqlImageStore(database, leases, exchange, clock),
            snapshotters=snapshotters.by_name,
            default_snapshotter=snapshotters.default,
            differ=differ,
            leases=leases,
            platform=PLATFORM,
            clock=clock,
        )
        collector = Collector(database, snapshotters.by_name, content, exchange, clock)
        return Daemon(stores, LocalTransfer(stores), leases, collector, [])

    yield make
    for end in ends:
        end()


@pytest.fixture
def daemon(new_daemon: Callable[[], Daemon]) -> Daemon:
    return new_daemon()
