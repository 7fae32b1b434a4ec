"""Image archives: read in every shape that tools write, refused when they are none, written and read again."""

import asyncio
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError, InvalidArgument, NotFound
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.model import ExportOptions, ExtraReference, ImageStore
from slipway.contracts.oci import image
from tests.integration.images.conftest import PLATFORM, Bytes, Daemon
from tests.integration.images.distribution import layer_of

pytestmark = pytest.mark.root
SCOPE = Scope("moby")
LAYER = layer_of({"etc/hello": b"hi"})


def config_of(*layers: bytes) -> bytes:
    ids = [digest_of(layer) for layer in layers]
    document = {"os": "linux", "architecture": PLATFORM.architecture, "config": {}, "rootfs": {"diff_ids": ids}}
    return json.dumps(document).encode()


def docker_archive(
    files: Mapping[str, bytes], *, tags: object = ("app:1",), layers: object = ("l/layer.tar",), config: str = "c.json"
) -> bytes:
    manifest = [{"Config": config, "RepoTags": tags, "Layers": layers}]
    return layer_of({**files, "manifest.json": json.dumps(manifest).encode()})


def sound() -> bytes:
    return docker_archive({"c.json": config_of(LAYER), "l/layer.tar": LAYER})


def load(daemon: Daemon, data: bytes) -> list[str]:
    asyncio.run(
        daemon.transfer.import_archive(
            SCOPE, Bytes(data), daemon.destination(prefix="moby-dangling"), daemon.reported.append
        )
    )
    return [each.name for each in daemon.stores.images.list(SCOPE)]


def save(daemon: Daemon, *names: str) -> bytes:
    class Sink:
        data = bytearray()

        async def write(self, data: bytes) -> None:
            self.data += data

    sink = Sink()
    extra = tuple(ExtraReference(name=name) for name in names[1:])
    source = ImageStore(name=names[0], extra_references=extra)
    asyncio.run(daemon.transfer.export_archive(SCOPE, source, sink, ExportOptions(), daemon.reported.append))
    return bytes(sink.data)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_docker_archive_is_loaded_also_compressed_as_a_whole(daemon: Daemon, pack: Callable[[bytes], bytes]) -> None:
    assert load(daemon, pack(sound())) == ["docker.io/library/app:1"]
    snapshotter = daemon.stores.snapshotters["overlayfs"]
    assert [info.name for info in snapshotter.list(SCOPE)] == [digest_of(LAYER)]
    assert not daemon.leases.list(SCOPE)
    assert not daemon.stores.content.statuses(SCOPE)


def test_compressed_layers_and_links_to_layers_are_understood(daemon: Daemon) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        files = {"c.json": config_of(LAYER, LAYER), "a/layer.tar": gzip.compress(LAYER)}
        files["manifest.json"] = json.dumps(
            [{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["a/layer.tar", "b/layer.tar"]}]
        ).encode()
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("b/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../a/layer.tar"
        archive.addfile(link)
    assert load(daemon, buffer.getvalue()) == ["docker.io/library/app:1"]
    assert len(daemon.stores.snapshotters["overlayfs"].list(SCOPE)) == 2


def test_an_image_without_tags_is_named_by_its_digest(daemon: Daemon) -> None:
    (name,) = load(daemon, docker_archive({"c.json": config_of(LAYER), "l/layer.tar": LAYER}, tags=None))
    assert name.startswith("moby-dangling@sha256:")


def test_loading_moves_a_tag_to_the_new_image(daemon: Daemon) -> None:
    load(daemon, sound())
    first = daemon.stores.images.get(SCOPE, "docker.io/library/app:1").target.digest
    other = layer_of({"etc/hello": b"other"})
    load(daemon, docker_archive({"c.json": config_of(other), "l/layer.tar": other}))
    assert daemon.stores.images.get(SCOPE, "docker.io/library/app:1").target.digest != first


def test_what_is_saved_is_loaded_as_the_same_image(new_daemon: Callable[[], Daemon]) -> None:
    daemon, other = new_daemon(), new_daemon()
    load(daemon, sound())
    data = save(daemon, "docker.io/library/app:1")
    assert data == save(daemon, "docker.io/library/app:1")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        (entry,) = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        assert entry["RepoTags"] == ["app:1"]
        layer = archive.extractfile(entry["Layers"][0])
        assert layer is not None
        assert layer.read() == LAYER
    assert load(other, data) == ["docker.io/library/app:1"]
    digests = {info.digest for info in daemon.stores.content.list(SCOPE)}
    assert {info.digest for info in other.stores.content.list(SCOPE)} == digests
    with pytest.raises(NotFound):
        save(daemon, "docker.io/library/none:1")


def test_two_loads_of_the_same_archive_at_once_both_succeed(daemon: Daemon) -> None:
    data = docker_archive({"c.json": config_of(LAYER), "l/layer.tar": LAYER, "extra": os.urandom(500_000)})

    async def both() -> None:
        destination = daemon.destination(prefix="moby-dangling")
        loads = (
            daemon.transfer.import_archive(SCOPE, Bytes(data), destination, daemon.reported.append) for _ in range(3)
        )
        await asyncio.gather(*loads)

    asyncio.run(both())
    assert len(daemon.stores.images.list(SCOPE)) == 1
    assert len(daemon.stores.snapshotters["overlayfs"].list(SCOPE)) == 1


def layout(**changes: bytes) -> bytes:
    config = config_of(LAYER)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": image.OCI_MANIFEST,
            "config": {"mediaType": image.OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
            "layers": [{"mediaType": image.OCI_LAYER, "digest": digest_of(LAYER), "size": len(LAYER)}],
        }
    ).encode()
    entry = {"mediaType": image.OCI_MANIFEST, "digest": digest_of(manifest), "size": len(manifest)}
    named = {**entry, "annotations": {"org.opencontainers.image.ref.name": "v1"}}
    files = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [named]}).encode(),
        **{f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}": blob for blob in (config, manifest, LAYER)},
    }
    return layer_of({name: changes.get(name.partition(".")[0].replace("-", "_"), data) for name, data in files.items()})


def test_an_oci_layout_is_loaded(daemon: Daemon) -> None:
    assert load(daemon, layout()) == ["moby-dangling:v1"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no tar at all",
        sound()[:3000],
        gzip.compress(sound())[:-30],
        layer_of({"etc/passwd": b"x"}),
        layer_of({"manifest.json": b"{}"}),
        layer_of({"manifest.json": b"[]"}),
        layer_of({"manifest.json": b"[1]"}),
        layer_of({"manifest.json": b"[" * 50_000}),
        docker_archive({}),
        docker_archive({"c.json": b"not json", "l/layer.tar": LAYER}),
        docker_archive({"c.json": config_of(LAYER), "l/layer.tar": b"no layer" * 100}),
        docker_archive({"c.json": config_of(LAYER, LAYER), "l/layer.tar": LAYER}),
        docker_archive({"c.json": config_of(LAYER[:-512]), "l/layer.tar": LAYER}),
        docker_archive({"c.json": config_of(LAYER), "l/layer.tar": LAYER}, tags=["Not A Name"]),
        docker_archive({"c.json": config_of(LAYER), "l/layer.tar": LAYER}, tags="app"),
        docker_archive({"c.json": config_of(LAYER), "l/layer.tar": LAYER}, layers=[1]),
        docker_archive({"c.json": config_of(LAYER), "l/layer.tar": LAYER}, config="../../etc/passwd"),
        layout(oci_layout=b"{}"),
        layout(index=b"{}"),
        layout(index=b'{"schemaVersion":2,"manifests":[],"layers":[]}'),
        layout(index=json.dumps({"manifests": [{"digest": digest_of(b"gone"), "size": 4}]}).encode()),
        layout(index=json.dumps({"manifests": [{"digest": "sha256:../x", "size": 4}]}).encode()),
    ],
)
def test_what_is_no_image_is_refused_in_a_sentence_and_leaves_nothing(daemon: Daemon, data: bytes) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        load(daemon, data)
    assert "\n" not in str(refusal.value)
    assert not daemon.stores.images.list(SCOPE)
    assert not daemon.stores.content.statuses(SCOPE)
    assert not daemon.leases.list(SCOPE)
    kinds = {info.kind for info in daemon.stores.snapshotters["overlayfs"].list(SCOPE)}
    assert kinds <= {"committed"}


def test_a_client_that_goes_away_ends_the_load(daemon: Daemon) -> None:
    class Gone(Bytes):
        async def read(self) -> bytes:
            data = await super().read()
            if not data:
                raise InvalidArgument("the client went away")
            return data

    with pytest.raises(EngineError, match="went away"):
        asyncio.run(
            daemon.transfer.import_archive(
                SCOPE, Gone(sound()[:5000]), daemon.destination(prefix="x"), daemon.reported.append
            )
        )
    assert not daemon.stores.content.statuses(SCOPE)
