"""An adversary who collects without rest, and deletes what others share: nothing is lost that somebody is making."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.base.digests import chain_ids, digest_of
from slipway.base.errors import AlreadyExists, NotFound
from slipway.containerd.leases.model import Lease, LeaseResource
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.model import SnapshotKind
from tests.integration.images.conftest import Bytes, Daemon
from tests.integration.images.distribution import layer_of
from tests.integration.images.test_side_by_side import archive
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root
SCOPE = Scope("moby")
SHARED = [layer_of({f"shared{at}": bytes([at]) * 1000}) for at in range(4)]
ROUNDS = 12


@pytest.fixture
def adversary(daemon: Daemon) -> Iterator[list[int]]:
    """Collects again and again, and says how often it has."""
    stop, rounds = threading.Event(), [0]
    failures: list[BaseException] = []

    def collect() -> None:
        try:
            while not stop.is_set():
                asyncio.run(daemon.collector.collect())
                rounds[0] += 1
        except BaseException as error:  # noqa: BLE001 - the fixture raises it
            failures.append(error)

    thread = threading.Thread(target=collect)
    thread.start()
    yield rounds
    stop.set()
    thread.join()
    assert not failures
    assert rounds[0]


def wait_collected(adversary: list[int]) -> None:
    """Until a collection has ended that began since."""
    before = adversary[0]
    wait_until(lambda: adversary[0] >= before + 2, "two collections")


def load(daemon: Daemon, *layers: bytes) -> None:
    destination = daemon.destination(prefix="dangling")
    data = archive([*SHARED, *layers])
    asyncio.run(daemon.transfer.import_archive(SCOPE, Bytes(data), destination, daemon.reported.append))


def whole(daemon: Daemon, *layers: bytes) -> None:
    """The image is there with everything of it."""
    target = daemon.stores.images.get(SCOPE, "docker.io/library/app:1").target
    for digest in (target.digest, *map(digest_of, (*SHARED, *layers))):
        daemon.stores.content.read(SCOPE, digest)
    chain = chain_ids(tuple(map(digest_of, (*SHARED, *layers))))
    snapshots = daemon.stores.snapshotters["overlayfs"]
    for at, name in enumerate(chain):
        assert snapshots.stat(SCOPE, name).kind is SnapshotKind.COMMITTED
        if at < len(SHARED):
            path = snapshots.view(SCOPE, f"look-{os.urandom(4).hex()}", name, {"containerd.io/gc.root": "x"})[0]
            folder = path.source if path.type == "bind" else path.options[0].partition("=")[2].partition(":")[0]
            assert os.listdir(folder) == [f"shared{at}"]


def test_images_that_come_while_others_that_share_their_layers_go(daemon: Daemon, adversary: list[int]) -> None:
    """The lower layers are there when it looks, and were collected before it had anything upon them."""
    load(daemon, layer_of({"own": b"first"}))
    for at in range(ROUNDS):
        own = layer_of({"own": str(at).encode()})
        deleting = threading.Thread(target=daemon.stores.images.delete, args=(SCOPE, "docker.io/library/app:1"))
        deleting.start()
        load(daemon, own)
        deleting.join()
        if not daemon.stores.images.list(SCOPE):  # it came first, and was the one that was deleted
            load(daemon, own)
        whole(daemon, own)
        for info in daemon.stores.snapshotters["overlayfs"].list(SCOPE, ["kind==view"]):
            daemon.stores.snapshotters["overlayfs"].remove(SCOPE, info.name)
    assert adversary[0] > 1


def test_what_a_lease_holds_stays_step_by_step_and_goes_with_it(daemon: Daemon, adversary: list[int]) -> None:
    """As a client does it that unpacks by itself, or a build: content, then snapshots, then the name."""
    content, snapshots = daemon.stores.content, daemon.stores.snapshotters["overlayfs"]
    daemon.leases.create(SCOPE, Lease(id="client"))
    held = Scope("moby", "client")
    for at in range(ROUNDS):
        data = f"blob {at}".encode()
        with content.writer(held, f"ref{at}", expected=digest_of(data)) as writer:
            writer.write(data)
            writer.commit()
        snapshots.prepare(held, "active", f"layer{at - 1}" if at else "")
        wait_collected(adversary)
        snapshots.commit(held, f"layer{at}", "active")
        content.read(SCOPE, digest_of(data))
    assert len(snapshots.list(SCOPE)) == ROUNDS
    daemon.leases.delete(SCOPE, "client")
    wait_collected(adversary)
    assert not snapshots.list(SCOPE)
    assert not content.list(SCOPE)


def test_a_blob_that_is_found_there_stays_for_who_found_it(daemon: Daemon, adversary: list[int]) -> None:
    """Nothing but a lease that is just going keeps it."""
    content, data = daemon.stores.content, b"found"
    for at in range(ROUNDS * 3):
        daemon.leases.create(SCOPE, Lease(id="old"))
        with content.writer(Scope("moby", "old"), "r") as writer:
            writer.truncate()
            writer.write(data)
            writer.commit(expected=digest_of(data))
        daemon.leases.create(SCOPE, Lease(id="new"))
        going = threading.Thread(target=daemon.leases.delete, args=(SCOPE, "old"))
        going.start()
        try:
            content.writer(Scope("moby", "new"), f"again{at}", expected=digest_of(data)).close()
        except AlreadyExists:
            going.join()
            wait_collected(adversary)
            assert content.read(SCOPE, digest_of(data)) == data
        else:  # it has gone already
            going.join()
            content.abort(SCOPE, f"again{at}")
        daemon.leases.delete(SCOPE, "new")
        wait_collected(adversary)
        with pytest.raises(NotFound):
            content.info(SCOPE, digest_of(data))


def test_a_flat_lease_and_one_that_ends(daemon: Daemon) -> None:
    content, snapshots = daemon.stores.content, daemon.stores.snapshotters["overlayfs"]
    for name, parent in (("one", ""), ("two", "one"), ("three", "two")):
        snapshots.prepare(SCOPE, "active", parent)
        snapshots.commit(SCOPE, name, "active")
    with content.writer(SCOPE, "r") as writer:
        writer.write(b"x")
        writer.commit()
    snapshots.update(SCOPE, "two", {"containerd.io/gc.ref.content.x": digest_of(b"x")}, ["labels"])
    daemon.leases.create(SCOPE, Lease(id="flat", labels={"containerd.io/gc.flat": "yes"}))
    daemon.leases.create(SCOPE, Lease(id="over", labels={"containerd.io/gc.expire": "2020-01-01T00:00:00Z"}))
    kind = f"snapshots/{snapshots.name}"
    daemon.leases.add_resource(SCOPE, "flat", LeaseResource(kind, "two"))
    daemon.leases.add_resource(SCOPE, "over", LeaseResource(kind, "three"))
    asyncio.run(daemon.collector.collect())
    assert [info.name for info in snapshots.list(SCOPE)] == ["one", "two"]
    assert not content.list(SCOPE)
    assert [lease.id for lease in daemon.leases.list(SCOPE)] == ["flat"]


def test_the_disk_is_as_it_was_when_everything_has_gone(daemon: Daemon, tmp_path: Path) -> None:
    asyncio.run(daemon.collector.collect())

    def files() -> list[str]:
        folders = (Path(daemon.stores.content._root), Path(daemon.stores.snapshotters["overlayfs"]._folders.path))  # type: ignore[attr-defined]
        return sorted(str(path) for folder in folders for path in folder.rglob("*"))

    before = files()
    load(daemon, layer_of({"own": b"x" * 100_000}))
    assert len(files()) > len(before) + 10
    daemon.stores.images.delete(SCOPE, "docker.io/library/app:1")
    asyncio.run(daemon.collector.collect())
    assert files() == before
