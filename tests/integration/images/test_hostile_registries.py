"""Registries that serve documents of two meanings, under false types, digests and sizes: refused, nothing is left."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError, InvalidArgument, NotFound, Unavailable
from slipway.clients.registry.model import Patience
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.model import Registry as Source
from slipway.containerd.transfer.registries import roots_of
from slipway.containerd.transfer.service import LocalTransfer
from slipway.contracts.oci import image
from tests.integration.images.conftest import PLATFORM, Daemon
from tests.integration.images.distribution import layer_of
from tests.integration.registry.conftest import Answer, Asked, Registry

SCOPE = Scope("moby")
CONFIG = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
PART = {"mediaType": image.OCI_CONFIG, "digest": digest_of(CONFIG), "size": len(CONFIG)}
MANIFEST: dict[str, Any] = {"schemaVersion": 2, "config": PART, "layers": []}
ITSELF: dict[str, Any] = {"mediaType": image.OCI_INDEX, "digest": digest_of(b"itself"), "size": 6}


@pytest.fixture
def daemon(new_daemon: Callable[[], Daemon]) -> Daemon:
    """It makes no long pauses."""
    daemon = new_daemon()
    daemon.transfer = LocalTransfer(daemon.stores, patience=Patience(pauses=(0.01,)))
    return daemon


@pytest.fixture
def registry() -> Iterator[Registry]:
    served = Registry()
    yield served
    served.close()


@pytest.fixture
def elsewhere() -> Iterator[Registry]:
    served = Registry()
    yield served
    served.close()


def pull(
    daemon: Daemon,
    registry: Registry,
    documents: dict[str, tuple[str, bytes]],
    *,
    reference: str = "",
    headers: dict[str, str] | None = None,
    host_dir: str = "",
    stream: Callable[[bytes], Iterable[bytes] | None] = lambda data: None,
    **changes: Any,
) -> None:
    """Pull `x:latest`, to a destination with `changes`. `documents`: what is served under a tag or a digest, and as
    what; `stream` says how its bytes come."""

    def answer(asked: Asked) -> Answer:
        kind, data = documents.get(asked.path.partition("?")[0].rpartition("/")[2], ("", b""))
        return Answer(body=data, headers={"Content-Type": kind}, stream=stream(data)) if kind else Answer(404)

    registry.answer = answer
    name = reference or f"{registry.domain}/x:latest"
    source = Source(reference=name, headers=headers or {}, host_dir=host_dir)
    destination = replace(daemon.destination(name), **changes)
    asyncio.run(daemon.transfer.pull(SCOPE, source, destination, daemon.reported.append))


def encoded(**fields: object) -> bytes:
    return json.dumps({"schemaVersion": 2, **fields}).encode()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (image.OCI_MANIFEST, encoded(**MANIFEST | {"manifests": []})),
        (image.OCI_INDEX, encoded(manifests=[], layers=[])),
        (image.OCI_INDEX, encoded(manifests=[], config=PART)),
        (image.OCI_INDEX, encoded(**MANIFEST)),
        (image.OCI_MANIFEST, encoded(manifests=[ITSELF])),
        (image.OCI_MANIFEST, encoded(mediaType=image.OCI_INDEX, **MANIFEST)),
        ("text/html", encoded(mediaType=image.OCI_INDEX, **MANIFEST)),
        (image.OCI_MANIFEST, encoded(**MANIFEST | {"config": PART | {"size": len(CONFIG) + 1}})),
        (image.OCI_MANIFEST, encoded(**MANIFEST | {"config": PART | {"size": 1}})),
        (image.OCI_MANIFEST, encoded(**MANIFEST | {"config": PART | {"size": 1 << 62}})),
        (image.OCI_MANIFEST, encoded(**MANIFEST | {"config": PART | {"digest": digest_of(b"other")}})),
        (image.OCI_MANIFEST, encoded(**MANIFEST | {"config": PART | {"digest": "sha256:../../x"}})),
        (image.OCI_MANIFEST, b" " * (9 << 20) + encoded(**MANIFEST)),
        (image.OCI_INDEX, encoded(manifests=[{"mediaType": "é", "digest": digest_of(b"x"), "size": 1}])),
        (image.OCI_INDEX, encoded(manifests=[{"mediaType": "a/b\r\nX: y", "digest": digest_of(b"x"), "size": 1}])),
    ],
    ids=("both", "both-index", "both-config", "as-index", "as-manifest", "lying", "lying-html", "long", "short", "huge",
         "other", "path", "padded", "not-ascii", "lines"),
)  # fmt: skip
def test_a_document_that_lies_is_refused(daemon: Daemon, registry: Registry, kind: str, data: bytes) -> None:
    """CVE-2021-41190, CVE-2024-3727: by its type in the answer, its own type, its fields, sizes and digests."""
    served = {"latest": (kind, data), digest_of(data): (kind, data)}
    served |= dict.fromkeys((digest_of(CONFIG), digest_of(b"other")), ("application/octet-stream", CONFIG))
    with pytest.raises(EngineError) as refused:
        pull(daemon, registry, served)
    assert len(refused.value.message) < 1000
    assert "Traceback" not in refused.value.message
    assert not daemon.stores.images.list(SCOPE)
    assert not daemon.leases.list(SCOPE)


def test_an_index_that_leads_to_itself_or_without_end_is_refused(daemon: Daemon, registry: Registry) -> None:
    """The first can only be by a digest that lies, the second is a chain of a thousand true ones."""
    itself = encoded(manifests=[ITSELF])
    with pytest.raises(EngineError):
        pull(
            daemon, registry, dict.fromkeys(("latest", ITSELF["digest"], digest_of(itself)), (image.OCI_INDEX, itself))
        )
    served, below = {}, encoded(**MANIFEST)
    kind = image.OCI_MANIFEST
    for _ in range(1000):
        served[digest_of(below)] = (kind, below)
        entry = {"mediaType": kind, "digest": digest_of(below), "size": len(below)}
        below, kind = encoded(manifests=[entry]), image.OCI_INDEX
    registry.asked.clear()
    with pytest.raises(EngineError):
        pull(daemon, registry, {**served, "latest": (kind, below), digest_of(below): (kind, below)})
    assert len(registry.asked) < 50
    assert not daemon.stores.images.list(SCOPE)


LAYER = layer_of({"file": b"content"})
DIFF = {"rootfs": {"type": "layers", "diff_ids": [digest_of(LAYER)]}}
LAYERED = json.dumps({"os": PLATFORM.os, "architecture": PLATFORM.architecture, **DIFF}).encode()


def with_layer(kind: str, config_kind: str = image.OCI_CONFIG) -> dict[str, Any]:
    config = {"mediaType": config_kind, "digest": digest_of(LAYERED), "size": len(LAYERED)}
    return {"config": config, "layers": [{"mediaType": kind, "digest": digest_of(LAYER), "size": len(LAYER)}]}


def serve(*blobs: bytes, **manifests: dict[str, Any]) -> dict[str, tuple[str, bytes]]:
    """Manifests by tag and digest, blobs by digest."""
    served = {digest_of(blob): ("application/octet-stream", blob) for blob in blobs}
    for tag, fields in manifests.items():
        data = encoded(**fields)
        served[tag] = served[digest_of(data)] = (image.OCI_INDEX if "manifests" in fields else image.OCI_MANIFEST, data)
    return served


def entry_of(fields: dict[str, Any], **platform: str) -> dict[str, Any]:
    data = encoded(**fields)
    kind = image.OCI_INDEX if "manifests" in fields else image.OCI_MANIFEST
    described = {"mediaType": kind, "digest": digest_of(data), "size": len(data)}
    return {**described, "platform": platform} if platform else described


def nothing_is_left(daemon: Daemon) -> None:
    assert not daemon.stores.images.list(SCOPE)
    assert not daemon.leases.list(SCOPE)
    assert not daemon.stores.snapshotters["overlayfs"].list(SCOPE)


@pytest.mark.parametrize(
    "kind",
    [f"{image.OCI_LAYER}+encrypted", "text/html", "", "x" * 5000, "a\nb", "application/vnd.in-toto+json"],
    ids=("encrypted", "html", "none", "long", "lines", "attestation"),
)
def test_a_layer_of_unknown_type_is_refused_before_any_is_fetched(
    daemon: Daemon, registry: Registry, kind: str
) -> None:
    with pytest.raises(
        InvalidArgument, match=r"its layer sha256:[0-9a-f]+ is of media type .*cannot be unpacked"
    ) as no:
        pull(daemon, registry, serve(LAYERED, LAYER, latest=with_layer(kind)))
    assert len(no.value.message) < 400
    assert "\n" not in no.value.message
    assert not any(digest_of(LAYER) in path for path in registry.paths())
    nothing_is_left(daemon)


def test_an_artifact_that_is_no_image_is_refused_before_its_blobs_are_fetched(
    daemon: Daemon, registry: Registry
) -> None:
    chart = with_layer(
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/vnd.cncf.helm.config.v1+json"
    )
    with pytest.raises(
        InvalidArgument, match=r'no image .* of media type "application/vnd\.cncf\.helm\.config\.v1\+json"'
    ):
        pull(daemon, registry, serve(LAYERED, LAYER, latest=chart))
    assert not any("/blobs/" in path for path in registry.paths())
    nothing_is_left(daemon)


def test_an_artifact_may_be_fetched_without_being_unpacked(daemon: Daemon, registry: Registry) -> None:
    chart = with_layer(
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/vnd.cncf.helm.config.v1+json"
    )
    pull(daemon, registry, serve(LAYERED, LAYER, latest=chart), unpacks=())
    assert {digest_of(LAYERED), digest_of(LAYER)} < {info.digest for info in daemon.stores.content.list(SCOPE)}


FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def test_a_foreign_layer_is_fetched_from_its_registry_or_not_at_all(
    daemon: Daemon, registry: Registry, elsewhere: Registry
) -> None:
    elsewhere.answer = lambda asked: Answer(body=LAYER)
    manifest = with_layer(FOREIGN)
    manifest["layers"][0]["urls"] = [f"http://{elsewhere.domain}/layer"]
    with pytest.raises(NotFound, match=r"its layer sha256:[0-9a-f]+ is foreign: the registry does not hold it"):
        pull(daemon, registry, serve(LAYERED, latest=manifest))
    nothing_is_left(daemon)
    pull(daemon, registry, serve(LAYERED, latest=manifest), unpacks=())
    daemon.stores.images.delete(SCOPE, f"{registry.domain}/x:latest")
    pull(daemon, registry, serve(LAYERED, LAYER, latest=manifest))
    assert len(daemon.stores.snapshotters["overlayfs"].list(SCOPE)) == 1
    assert not elsewhere.asked


def test_a_configuration_of_any_size_is_not_fetched(daemon: Daemon, registry: Registry) -> None:
    manifest = MANIFEST | {"config": PART | {"size": (8 << 20) + 1}}
    with pytest.raises(InvalidArgument, match=r"its configuration .* more than 8388608"):
        pull(daemon, registry, serve(CONFIG, latest=manifest))
    assert not any("/blobs/" in path for path in registry.paths())


@pytest.mark.matrix
def test_an_index_of_thousands_of_indexes_comes_to_an_end(daemon: Daemon, registry: Registry) -> None:
    """Each entry without a platform would be followed, four levels deep."""
    leaves = {f"leaf{at}": {**MANIFEST, "annotations": {"at": str(at)}} for at in range(600)}
    index = {"manifests": [entry_of(leaf) for leaf in leaves.values()]}
    with pytest.raises(InvalidArgument, match="it leads to more than 512 manifests"):
        pull(daemon, registry, serve(CONFIG, latest=index, **leaves))
    assert len(registry.asked) < 520
    nothing_is_left(daemon)


def two_platforms() -> dict[str, tuple[str, bytes]]:
    mine = with_layer(image.OCI_LAYER)
    other = {**MANIFEST, "annotations": {"is": "other"}}
    entries = [
        entry_of(mine, os=PLATFORM.os, architecture=PLATFORM.architecture),
        entry_of(other, os="linux", architecture="s390x"),
    ]
    return serve(LAYERED, LAYER, CONFIG, latest={"manifests": entries}, mine=mine, other=other)


@pytest.mark.parametrize(
    ("changes", "has_other"),
    [
        ({}, False),
        ({"all_metadata": True}, True),
        ({"platforms": ()}, True),
        ({"platforms": (), "manifest_limit": 1}, False),
    ],
    ids=("mine", "metadata", "all", "limited"),
)
def test_how_much_of_an_index_is_fetched_is_the_client_s_choice(
    daemon: Daemon, registry: Registry, changes: dict[str, Any], has_other: bool
) -> None:
    served = two_platforms()
    pull(daemon, registry, served, **changes)
    held = {info.digest for info in daemon.stores.content.list(SCOPE)}
    assert digest_of(LAYER) in held
    assert (digest_of(CONFIG) in held) == has_other
    assert (digest_of(served["other"][1]) in held) == has_other
    assert len(daemon.stores.snapshotters["overlayfs"].list(SCOPE)) == 1


@pytest.mark.parametrize("kind", image.SCHEMA_1)
def test_schema_1_is_refused_by_name(daemon: Daemon, registry: Registry, kind: str) -> None:
    data = json.dumps({"schemaVersion": 1, "fsLayers": [], "history": []}).encode()
    for announced in (kind, image.OCI_MANIFEST):
        with pytest.raises(InvalidArgument, match="schema 1 image manifests are no longer supported"):
            pull(daemon, registry, {"latest": (announced, data), digest_of(data): (announced, data)})
    nothing_is_left(daemon)


def test_a_client_s_headers_go_to_the_registry_and_its_secret_ones_to_no_mirror(
    daemon: Daemon, registry: Registry, elsewhere: Registry, tmp_path: Path
) -> None:
    folder = tmp_path / registry.domain
    folder.mkdir()
    (folder / "hosts.toml").write_text(
        f'server = "http://{registry.domain}"\n[host."http://{elsewhere.domain}".header]\nx-own = "mirror"\n'
    )
    headers = {"X-Own": "client", "Authorization": "Bearer very secret", "Cookie": "secret", "Range": "bytes=0-1"}
    pull(daemon, registry, serve(CONFIG, latest=MANIFEST), headers=headers, host_dir=str(tmp_path))
    assert {asked.headers["authorization"] for asked in registry.asked} == {"Bearer very secret"}
    assert {asked.headers["x-own"] for asked in registry.asked} == {"client"}
    assert elsewhere.asked
    assert not any({"authorization", "cookie", "range"} & asked.headers.keys() for asked in elsewhere.asked)
    with pytest.raises(InvalidArgument, match="not a header of HTTP"):
        pull(daemon, registry, {}, headers={"X": "a\r\nY: b"})


def test_the_daemon_s_own_folders_hold_where_the_client_names_none(
    daemon: Daemon, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "_default").mkdir()
    (tmp_path / "_default" / "hosts.toml").write_text(f'server = "http://{registry.domain}"\n')
    daemon.transfer = LocalTransfer(daemon.stores, host_roots=roots_of(f"/none:{tmp_path}"))
    pull(daemon, registry, serve(CONFIG, latest=MANIFEST), reference="registry.example/x:latest")
    assert {path.rpartition("?")[2] for path in registry.paths()} == {"ns=registry.example"}
    with pytest.raises(EngineError):
        pull(daemon, registry, {}, reference="registry.example/x:latest", host_dir="/none")


def test_blobs_arrive_side_by_side_as_far_as_the_daemon_allows(daemon: Daemon, registry: Registry) -> None:
    layers = [layer_of({str(at): b"content"}) for at in range(6)]
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}}).encode()
    described = [{"mediaType": image.OCI_LAYER, "digest": digest_of(layer), "size": len(layer)} for layer in layers]
    part = {"mediaType": image.OCI_CONFIG, "digest": digest_of(config), "size": len(config)}
    served = serve(config, *layers, latest={"config": part, "layers": described})
    lock, together = threading.Lock(), threading.Barrier(2)
    at_once, most = 0, 0

    def pieces(data: bytes) -> Iterator[bytes]:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        together.wait(20)  # with somebody else's, or never
        with lock:
            at_once -= 1
        yield data

    daemon.transfer = LocalTransfer(daemon.stores, downloads=2)
    pull(daemon, registry, served, stream=lambda data: pieces(data) if data in layers else None)
    assert most == 2


def test_the_next_pull_goes_on_where_the_last_one_broke(daemon: Daemon, registry: Registry) -> None:
    """The connection breaks in the midst of the layer, again and again: what has arrived is kept, and nothing else."""
    layer = layer_of({"file": os.urandom(3 << 20)})
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]}}).encode()
    part = {"mediaType": image.OCI_CONFIG, "digest": digest_of(config), "size": len(config)}
    described = {"mediaType": image.OCI_LAYER, "digest": digest_of(layer), "size": len(layer)}
    served = serve(config, layer, latest={"config": part, "layers": [described]})
    middle = layer[:2_500_000]
    with pytest.raises(Unavailable, match="bytes have arrived"):
        pull(daemon, registry, served, stream=lambda data: [middle] if data == layer else None)
    assert not daemon.stores.images.list(SCOPE)
    registry.asked.clear()
    pull(daemon, registry, served)
    (asked,) = [asked for asked in registry.asked if digest_of(layer) in asked.path]
    assert 1 << 20 <= int(asked.headers["range"].removeprefix("bytes=").partition("-")[0]) <= len(middle)
    assert len(daemon.stores.snapshotters["overlayfs"].list(SCOPE)) == 1
