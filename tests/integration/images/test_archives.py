"""Image archives: read in every shape that tools write, refused when they are none, written and read again."""

import asyncio
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError, InternalError, InvalidArgument, NotFound
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.model import ExportOptions, ExtraReference, ImageStore
from slipway.contracts.oci import image
from tests.integration.images.conftest import PLATFORM, Bytes, Daemon
from tests.integration.images.distribution import layer_of
from tests.support import layouts

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
        docker_archive({"c.json": config_of(LAYER), "l/layer.tar": LAYER}, layers=["l/layer.tar"] * 5000),
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


@pytest.mark.parametrize(("count", "length"), [(3, 1 << 19), (100_002, 5)])
def test_links_take_no_more_memory_than_files(daemon: Daemon, count: int, length: int) -> None:
    """Compressed, a name of half a million letters is some hundred bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for number in range(count):
            link = tarfile.TarInfo(f"{number}" + "x" * length)
            link.type, link.linkname = tarfile.SYMTYPE, "y"
            archive.addfile(link)
    with pytest.raises(InvalidArgument, match=r"read image archive: (a name has|it has) more than"):
        load(daemon, buffer.getvalue())


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


def bring(
    daemon: Daemon, data: bytes, *references: ExtraReference, name: str = "", force_compress: bool = False
) -> None:
    """As `ctr` asks for it with --all-platforms and --no-unpack."""
    destination = ImageStore(name=name, extra_references=references)
    report = daemon.reported.append
    importing = daemon.transfer.import_archive(SCOPE, Bytes(data), destination, report, force_compress=force_compress)
    asyncio.run(importing)


def names(daemon: Daemon) -> list[str]:
    return [each.name for each in daemon.stores.images.list(SCOPE)]


def kept(daemon: Daemon, digest: str) -> set[str]:
    """All that labels keep."""
    found, waiting = set(), [digest]
    while waiting:
        found.add(at := waiting.pop())
        labels = daemon.stores.content.info(SCOPE, at).labels
        waiting += [value for key, value in labels.items() if key.startswith("containerd.io/gc.ref.content.")]
    return found


def test_plain_layers_are_compressed_once_where_that_is_asked(daemon: Daemon) -> None:
    prefix = ExtraReference(name="import", is_prefix=True, allow_overwrite=True)
    bring(daemon, sound(), prefix, force_compress=True)
    target = daemon.stores.images.get(SCOPE, "docker.io/library/app:1").target
    (layer,) = json.loads(daemon.stores.content.read(SCOPE, target.digest))["layers"]
    assert layer["mediaType"] == image.DOCKER_LAYER_GZIP
    assert gzip.decompress(daemon.stores.content.read(SCOPE, layer["digest"])) == LAYER
    labels = daemon.stores.content.info(SCOPE, layer["digest"]).labels
    assert labels["containerd.io/uncompressed"] == digest_of(LAYER)
    bring(daemon, sound(), prefix)  # the copy is used again
    assert daemon.stores.images.get(SCOPE, "docker.io/library/app:1").target == target
    assert not daemon.stores.content.statuses(SCOPE)


@pytest.mark.parametrize("archive", [sound(), layout()], ids=["docker", "layout"])
def test_an_archive_as_a_whole_has_a_name_too(daemon: Daemon, archive: bytes) -> None:
    bring(daemon, archive, ExtraReference(name="import", is_prefix=True, allow_overwrite=True), name="whole:1")
    assert len(names(daemon)) == 2
    target = daemon.stores.images.get(SCOPE, "whole:1").target
    assert target.media_type == image.OCI_INDEX
    assert len(kept(daemon, target.digest)) == 4


def test_a_base_name_takes_only_what_belongs_to_it(daemon: Daemon, tmp_path: Path) -> None:
    archive = layouts.two_platforms(tmp_path / "multi.tar", "example.org/team/app:1").read_bytes()
    for base in ("example.org/team/other", "example.org/team/ap", "", "example.org/team/app"):
        assert names(daemon) == []
        bring(daemon, archive, ExtraReference(name=base, is_prefix=True))
    assert names(daemon) == ["example.org/team/app:1"]


def test_every_platform_is_kept_unless_some_are_wanted(daemon: Daemon, tmp_path: Path) -> None:
    archive = layouts.two_platforms(tmp_path / "multi.tar", "example.org/app:1").read_bytes()
    prefix = ExtraReference(name="import", is_prefix=True, allow_overwrite=True)
    bring(daemon, archive, prefix)
    target = daemon.stores.images.get(SCOPE, "example.org/app:1").target
    assert len(kept(daemon, target.digest)) == 8


def export(daemon: Daemon, options: ExportOptions, *images: str) -> dict[str, bytes]:
    class Sink:
        data = bytearray()

        async def write(self, data: bytes) -> None:
            self.data += data

    sink = Sink()
    extra = tuple(ExtraReference(name=name) for name in images)
    source = ImageStore(name="", extra_references=extra)
    asyncio.run(daemon.transfer.export_archive(SCOPE, source, sink, options, daemon.reported.append))
    with tarfile.open(fileobj=io.BytesIO(sink.data)) as archive:
        members = {each.name: archive.extractfile(each) for each in archive.getmembers() if each.isfile()}
        return {name: member.read() for name, member in members.items() if member is not None}


def test_of_every_platform_that_is_exported_one_is_for_docker_load(daemon: Daemon, tmp_path: Path) -> None:
    archive = layouts.two_platforms(tmp_path / "multi.tar", "example.org/app:1").read_bytes()
    bring(daemon, archive, ExtraReference(name="import", is_prefix=True, allow_overwrite=True))
    whole = export(daemon, ExportOptions(all_platforms=True), "example.org/app:1")
    assert len(whole) == 8 + 3
    (entry,) = json.loads(whole["manifest.json"])
    config = json.loads(whole[entry["Config"]])
    assert config["architecture"] == PLATFORM.architecture
    assert len(export(daemon, ExportOptions(), "example.org/app:1")) == 5 + 3
    assert "manifest.json" not in export(daemon, ExportOptions(skip_compatibility_manifest=True), "example.org/app:1")


def test_what_an_archive_names_an_image_is_its_whole_name(daemon: Daemon) -> None:
    load(daemon, sound())
    target = daemon.stores.images.get(SCOPE, "docker.io/library/app:1").target
    digest = f"example.org/app@{target.digest}"
    daemon.stores.images.create(SCOPE, replace(daemon.stores.images.get(SCOPE, "docker.io/library/app:1"), name=digest))
    (entry,) = json.loads(export(daemon, ExportOptions(), digest)["index.json"])["manifests"]
    assert entry["annotations"] == {
        "io.containerd.image.name": digest,
        "org.opencontainers.image.ref.name": f"@{target.digest}",
    }


def test_a_damaged_blob_is_not_passed_on_as_sound(daemon: Daemon) -> None:
    load(daemon, sound())
    blobs = Path(daemon.stores.content._root, "blobs/sha256")  # type: ignore[attr-defined]
    damaged = blobs / digest_of(LAYER).partition(":")[2]
    damaged.chmod(0o644)
    damaged.write_bytes(LAYER[:-1] + b"x")
    with pytest.raises(InternalError, match=f"{digest_of(LAYER)}.*damaged"):
        export(daemon, ExportOptions(), "docker.io/library/app:1")
