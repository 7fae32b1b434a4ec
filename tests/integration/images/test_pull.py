"""Images pulled from the original registry: unpacked, named, kept, resumed, chosen by platform, refused."""

import asyncio
import http.client
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.base.digests import chain_ids, digest_of
from slipway.base.errors import InvalidArgument, NotFound, Unavailable
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.model import Progress, Registry
from slipway.contracts.oci import image
from tests.integration.images.conftest import Daemon
from tests.integration.images.distribution import Distribution, layer_of

pytestmark = [pytest.mark.root, pytest.mark.peers]
SCOPE = Scope("moby")


@pytest.fixture(scope="module")
def distribution(short_folder: Path) -> Iterator[Distribution]:
    with Distribution(short_folder / "registry") as served:
        yield served


def pull(daemon: Daemon, name: str) -> list[Progress]:
    asyncio.run(daemon.transfer.pull(SCOPE, Registry(reference=name), daemon.destination(name), daemon.reported.append))
    return daemon.reported


def tree_of(daemon: Daemon, layers: list[bytes]) -> Path:
    """The directory of the top layer."""
    top = chain_ids(tuple(map(digest_of, layers)))[-1]
    snapshotter = daemon.stores.snapshotters["overlayfs"]
    mounts = snapshotter.view(SCOPE, f"look-{os.urandom(4).hex()}", top)
    lower = dict(option.partition("=")[::2] for option in mounts[0].options).get("lowerdir", mounts[0].source)
    return Path(lower.partition(":")[0])


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_stack_of_layers_is_pulled_unpacked_and_named(
    daemon: Daemon, distribution: Distribution, compression: str
) -> None:
    layers = [layer_of({f"file{at}": os.urandom(200_000), "last": b"%d" % at}) for at in range(5)]
    digest = distribution.push_image("many", compression, layers, compression=compression)
    name = f"{distribution.address}/many:{compression}"
    reported = pull(daemon, name)
    assert daemon.stores.images.get(SCOPE, name).target.digest == digest
    assert (tree_of(daemon, layers) / "last").read_bytes() == b"4"
    assert not daemon.leases.list(SCOPE)
    events = [step.event for step in reported]
    assert events[0].startswith("Resolving from")
    assert events[-2:] == ["saved", f"Completed pull from OCI Registry ({name})"]
    assert events.count("complete") == 2 + len(layers)
    assert events.count("extracted") == len(layers)


def test_everything_that_arrived_is_kept_by_labels(daemon: Daemon, distribution: Distribution) -> None:
    layers = [layer_of({"a": b"1"}), layer_of({"b": b"2"})]
    digest = distribution.push_image("kept", "latest", layers)
    pull(daemon, f"{distribution.address}/kept:latest")
    reachable, waiting = set(), [digest]
    while waiting:
        reachable.add(found := waiting.pop())
        labels = daemon.stores.content.info(SCOPE, found).labels
        waiting += [value for key, value in labels.items() if key.startswith("containerd.io/gc.ref.content.")]
    assert {info.digest for info in daemon.stores.content.list(SCOPE)} == reachable
    config = [info for info in daemon.stores.content.list(SCOPE) if "gc.ref.snapshot" in str(info.labels)]
    assert len(config) == 1
    source = "containerd.io/distribution.source.127.0.0.1"  # without the port, as the original
    assert all(info.labels[source] == "kept" for info in daemon.stores.content.list(SCOPE))
    distribution.push_image("also", "latest", layers)
    pull(daemon, f"{distribution.address}/also:latest")
    assert daemon.stores.content.info(SCOPE, digest).labels[source] == "also,kept"


def test_a_second_pull_fetches_nothing(daemon: Daemon, distribution: Distribution) -> None:
    distribution.push_image("twice", "latest", [layer_of({"a": os.urandom(1000)})])
    name = f"{distribution.address}/twice:latest"
    pull(daemon, name)
    daemon.reported.clear()
    events = [step.event for step in pull(daemon, name)]
    assert "complete" not in events
    assert "extracting" not in events
    assert events.count("already exists") == 3


def test_an_index_gives_this_machines_image(daemon: Daemon, distribution: Distribution) -> None:
    mine = distribution.push_image("index", "mine", [layer_of({"mine": b""})])
    other = distribution.push_image("index", "other", [layer_of({"other": b""})], architecture="s390x")
    machine = daemon.stores.platform
    entries = [
        {"mediaType": image.OCI_MANIFEST, "digest": digest, "size": size, "platform": platform}
        for digest, size, platform in (
            (other, _size(distribution, other), {"os": "linux", "architecture": "s390x"}),
            (mine, _size(distribution, mine), {"os": machine.os, "architecture": machine.architecture}),
        )
    ]
    index = {"schemaVersion": 2, "mediaType": image.OCI_INDEX, "manifests": entries}
    digest = distribution.push_manifest("index", "latest", image.OCI_INDEX, index)
    name = f"{distribution.address}/index:latest"
    pull(daemon, name)
    assert daemon.stores.images.get(SCOPE, name).target.digest == digest
    assert (tree_of(daemon, [layer_of({"mine": b""})]) / "mine").exists()
    assert other not in {info.digest for info in daemon.stores.content.list(SCOPE)}
    only = {**index, "manifests": entries[:1]}
    distribution.push_manifest("index", "foreign", image.OCI_INDEX, only)
    with pytest.raises(NotFound, match="no match for platform in manifest"):
        pull(daemon, f"{distribution.address}/index:foreign")


def test_two_pulls_at_once_share_the_work(daemon: Daemon, distribution: Distribution) -> None:
    layers = [layer_of({f"{at}": os.urandom(300_000)}) for at in range(3)]
    distribution.push_image("both", "latest", layers)
    name = f"{distribution.address}/both:latest"

    async def both() -> None:
        pulls = (
            daemon.transfer.pull(SCOPE, Registry(reference=name), daemon.destination(name), daemon.reported.append)
            for _ in range(2)
        )
        await asyncio.gather(*pulls)

    asyncio.run(both())
    events = [step.event for step in daemon.reported]
    assert events.count("complete") == 5
    assert events.count("extracted") == 3


def test_wrong_layers_leave_no_image(daemon: Daemon, distribution: Distribution) -> None:
    good = layer_of({"a": b"1"})
    distribution.push_image("wrong", "cut", [good, good[:700]])
    with pytest.raises(InvalidArgument, match="malformed tar"):
        pull(daemon, f"{distribution.address}/wrong:cut")
    assert not daemon.stores.images.list(SCOPE)
    kinds = [info.kind for info in daemon.stores.snapshotters["overlayfs"].list(SCOPE)]
    assert kinds == ["committed"]  # the good layer; the other was thrown away
    assert not daemon.leases.list(SCOPE)


def test_what_is_not_there_is_said_so(daemon: Daemon, distribution: Distribution) -> None:
    with pytest.raises(NotFound, match=r'failed to resolve reference "127\.0\.0\.1:\d+/none:x": .*not found'):
        pull(daemon, f"{distribution.address}/none:x")
    with pytest.raises(Unavailable):
        pull(daemon, "127.0.0.1:1/none:x")
    with pytest.raises(InvalidArgument, match="invalid reference format"):
        pull(daemon, "Not A Name")


def _size(distribution: Distribution, digest: str) -> int:
    connection = http.client.HTTPConnection(distribution.address)
    connection.request("GET", f"/v2/index/manifests/{digest}", headers={"Accept": image.OCI_MANIFEST})
    size = len(connection.getresponse().read())
    connection.close()
    return size
