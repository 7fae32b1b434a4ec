"""Labels of an image's configuration that a client has copied to a container: those that are orders to us go."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.containerd.containers.changes import has_reserved_labels, without_labels_of_image
from slipway.containerd.containers.model import Container, TypedValue
from slipway.containerd.content.store import FileContentStore
from slipway.containerd.images.config_labels import ImageConfigLabels
from slipway.containerd.images.model import Image
from slipway.containerd.images.store import SqlImageStore
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci.image import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from slipway.database.sqlite import SqliteDatabase
from tests.unit.containerd.conftest import RecordedEvents, SteppingClock

ORDERS = {"containerd.io/restart.status": "running", "containerd.io/restart.loguri": "binary:///bin/sh"}


def test_only_reserved_labels_with_the_images_own_value_go() -> None:
    labels = {**ORDERS, "io.cri-containerd.image": "managed", "com.example": "x"}
    container = Container(id="c", runtime_name="r", spec=TypedValue("s", b"{}"), labels=labels)
    of_image = frozenset({**labels, "containerd.io/restart.status": "stopped"}.items())
    assert has_reserved_labels(container)
    assert without_labels_of_image(container, of_image).labels == {
        "containerd.io/restart.status": "running",
        "com.example": "x",
    }
    assert without_labels_of_image(container, frozenset()).labels == labels


class Images:
    """Images made of documents."""

    def __init__(self, images: SqlImageStore, content: FileContentStore, scope: Scope) -> None:
        self.images, self.content, self.scope = images, content, scope

    def blob(self, document: object, media_type: str) -> Descriptor:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        with self.content.writer(self.scope, digest) as writer:
            writer.write(data)
            writer.commit(expected=digest)
        return Descriptor(media_type=media_type, digest=digest, size=len(data))

    def manifest(self, config: object) -> Descriptor:
        target = self.blob(config, OCI_CONFIG)
        entry = {"mediaType": OCI_CONFIG, "digest": target.digest, "size": target.size}
        return self.blob({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": entry, "layers": []}, OCI_MANIFEST)

    def index(self, *manifests: Descriptor) -> Descriptor:
        entries = [{"mediaType": m.media_type, "digest": m.digest, "size": m.size} for m in manifests]
        return self.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, OCI_INDEX)

    def add(self, target: Descriptor) -> None:
        self.images.create(self.scope, Image(name="i", target=target))

    def labels(self) -> frozenset[tuple[str, str]] | None:
        return ImageConfigLabels(self.images, self.content).of(self.scope, "i")


@pytest.fixture
def images(
    tmp_path: Path,
    database: SqliteDatabase,
    content: FileContentStore,
    leases: LeaseStore,
    events: RecordedEvents,
    clock: SteppingClock,
    scope: Scope,
) -> Images:
    return Images(SqlImageStore(database, leases, events, clock), content, scope)


def config(labels: object) -> dict[str, object]:
    return {"os": "linux", "architecture": "amd64", "config": {"Labels": labels}}


def test_the_labels_of_every_platform_are_found(images: Images) -> None:
    gone = Descriptor(media_type=OCI_MANIFEST, digest="sha256:" + "0" * 64, size=7)
    images.add(images.index(gone, images.manifest(config({"a": "1"})), images.manifest(config(ORDERS))))
    assert images.labels() == frozenset({"a": "1", **ORDERS}.items())


@pytest.mark.parametrize(
    "document", [config(None), config(["x"]), config({"a": 1}), {"config": None}, {}, b"{", b"[]", {"config": "x"}]
)
def test_what_has_no_labels_has_none(images: Images, document: object) -> None:
    images.add(images.manifest(document))
    assert images.labels() == frozenset()


def test_of_an_image_that_is_not_there_nothing_is_known(images: Images) -> None:
    assert images.labels() is None


def test_where_nothing_is_known_no_reserved_label_stays() -> None:
    container = Container(id="c", runtime_name="r", spec=TypedValue("s", b"{}"), labels={**ORDERS, "com.example": "x"})
    assert without_labels_of_image(container, None).labels == {"com.example": "x"}


def absent(number: int) -> Descriptor:
    return Descriptor(media_type=OCI_MANIFEST, digest=f"sha256:{number:064x}", size=7)


def behind_many_that_nobody_fetched(images: Images) -> Descriptor:
    return images.index(*map(absent, range(300)), images.manifest(config(ORDERS)))


def below_as_many_indexes_as_a_pull_follows(images: Images) -> Descriptor:
    return images.index(images.index(images.index(images.index(images.manifest(config(ORDERS))))))


def under_a_name_that_go_takes(images: Images) -> Descriptor:
    return images.manifest({"os": "linux", "config": {"labelſ": ORDERS}})


def merged_with_another(images: Images) -> Descriptor:
    orders = json.dumps(ORDERS)
    return images.manifest(f'{{"config": {{"Labels": {orders}, "Labels": {{}}}}, "config": {{}}}}'.encode())


def beside_a_number_that_is_long(images: Images) -> Descriptor:
    return images.manifest(b'{"x": ' + b"9" * 10_000 + b', "config": {"Labels": ' + json.dumps(ORDERS).encode() + b"}}")


def in_the_second_configuration(images: Images) -> Descriptor:
    both = [images.blob(document, OCI_CONFIG).digest for document in (config({}), config(ORDERS))]
    first, second = (f'{{"mediaType": "{OCI_CONFIG}", "digest": "{digest}", "size": 9}}' for digest in both)
    text = f'{{"schemaVersion": 2, "mediaType": "{OCI_MANIFEST}", "config": {first}, "Config": {second}, "layers": []}}'
    return images.blob(text.encode(), OCI_MANIFEST)


@pytest.mark.parametrize(
    "hide",
    [
        behind_many_that_nobody_fetched, below_as_many_indexes_as_a_pull_follows, under_a_name_that_go_takes,
        merged_with_another, beside_a_number_that_is_long, in_the_second_configuration,
    ],
)  # fmt: skip
def test_labels_cannot_be_hidden_from_us_and_shown_to_go(images: Images, hide: Callable[[Images], Descriptor]) -> None:
    images.add(hide(images))
    assert images.labels() == frozenset(ORDERS.items())


def too_many_documents(images: Images) -> Descriptor:
    return images.index(*(images.manifest(config({"n": str(number)})) for number in range(300)))


def too_deep(images: Images) -> Descriptor:
    target = images.manifest(config(ORDERS))
    for _ in range(10):
        target = images.index(target)
    return target


@pytest.mark.parametrize(
    "hide",
    [
        too_many_documents,
        too_deep,
        lambda images: images.manifest(b'{"config": {"Labels": {"a": "\xff"}}}'),
        lambda images: images.manifest(b'{"config": {"Labels": {"a": "\\ud800"}}}'),
        lambda images: images.manifest(b'{"config": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        lambda images: images.manifest(b" " * (9 << 20) + b"{}"),
    ],
)
def test_what_we_may_read_otherwise_than_go_is_not_told(images: Images, hide: Callable[[Images], Descriptor]) -> None:
    images.add(hide(images))
    assert images.labels() is None
