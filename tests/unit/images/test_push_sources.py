"""Where a blob may be mounted from, and what a push sends in which order."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.references import parse_reference
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.content.model import ContentInfo
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.push_plan import Planner, PushPlan
from slipway.containerd.transfer.sources import add_source, mount_candidate, source_label, with_repository
from slipway.contracts.containerd_api.labels import check_labels
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci import image

SCOPE = Scope("moby")
KEY = "containerd.io/distribution.source.registry.example"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


@pytest.mark.parametrize(
    ("domain", "host"),
    [("docker.io", "docker.io"), ("127.0.0.1:5000", "127.0.0.1"), ("[::1]:5000", "::1"), ("[::1]", "::1")],
)
def test_the_labels_key_is_the_host_without_its_port(domain: str, host: str) -> None:
    assert source_label(domain) == f"containerd.io/distribution.source.{host}"


def test_repositories_are_sorted_and_named_once() -> None:
    assert with_repository("", "b") == "b"
    assert with_repository("b", "a/c") == "a/c,b"
    assert with_repository("a,b", "b") == "a,b"


@pytest.mark.parametrize(
    ("known", "path", "chosen"),
    [
        ("", "team/app", ""),
        ("team/app", "team/app", ""),
        ("library/x,team/base,team/other", "team/app", "team/other"),
        ("library/x,other", "team/app", "other"),
        ("a/b,team/app/base", "team/app", "team/app/base"),
        ("../../x,a?b=c,A,x y,team/app", "team/app", ""),
    ],
)
def test_the_nearest_repository_is_mounted_from(known: str, path: str, chosen: str) -> None:
    assert mount_candidate(known, path) == chosen


@dataclass
class Blobs:
    """As much of a content store as a plan reads."""

    data: dict[str, bytes] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, media_type: str, document: object) -> dict[str, Any]:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.data[digest_of(data)] = data
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    def info(self, scope: Scope, digest: str) -> ContentInfo:
        if digest not in self.data:
            raise NotFound(f"content {digest}: not found")
        size = len(self.data[digest])
        return ContentInfo(digest=digest, size=size, created_at=0, updated_at=0, labels=self.labels.get(digest, {}))

    def read(self, scope: Scope, digest: str, *, limit: int = 0) -> bytes:
        self.info(scope, digest)
        return self.data[digest]

    def update(self, scope: Scope, digest: str, labels: Mapping[str, str], fields: Iterable[str] = ()) -> ContentInfo:
        check_labels(labels)
        self.labels.setdefault(digest, {}).update(labels)
        return self.info(scope, digest)


def image_of(blobs: Blobs, *layers: str, kind: str = image.OCI_LAYER) -> dict[str, Any]:
    config = blobs.add(image.OCI_CONFIG, {"layers": layers})
    described = [blobs.add(kind, layer.encode()) for layer in layers]
    return blobs.add(image.OCI_MANIFEST, {"schemaVersion": 2, "config": config, "layers": described})


def index_of(blobs: Blobs, *manifests: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    entries = []
    for text, manifest in manifests:
        system, _, architecture = text.partition("/")
        platform = {"platform": {"os": system, "architecture": architecture}} if text else {}
        entries.append({**manifest, **platform})
    return blobs.add(image.OCI_INDEX, {"schemaVersion": 2, "manifests": entries})


def plan_of(blobs: Blobs, target: dict[str, Any], *wanted: Platform) -> PushPlan:
    reference = parse_reference("registry.example:5000/team/app:1")
    planner = Planner(cast(ContentStore, blobs), SCOPE, reference, wanted)
    return planner.plan(Descriptor(media_type=target["mediaType"], digest=target["digest"], size=target["size"]))


def test_children_come_before_parents_and_each_digest_once() -> None:
    blobs = Blobs()
    one, two = image_of(blobs, "shared", "a"), image_of(blobs, "shared", "b")
    inner = index_of(blobs, ("linux/amd64", one))
    other = index_of(blobs, ("", inner), ("linux/arm64", two))
    outer = index_of(blobs, ("", inner), ("", other))
    plan = plan_of(blobs, outer)
    assert [part.target.digest for part in plan.indexes] == [inner["digest"], other["digest"], outer["digest"]]
    assert {part.target.digest for part in plan.manifests} == {one["digest"], two["digest"]}
    assert len(plan.blobs) == 5
    told: set[str] = set()
    for part in plan.parts():
        assert part.parent is None or part.parent.digest in told
        told.add(part.target.digest)


def test_only_wanted_platforms_are_sent_with_their_index() -> None:
    blobs = Blobs()
    index = index_of(blobs, ("linux/amd64", image_of(blobs, "a")), ("linux/arm64", arm := image_of(blobs, "b")))
    plan = plan_of(blobs, index, Platform(os="linux", architecture="aarch64"))
    assert [part.target.digest for part in plan.manifests] == [arm["digest"]]
    with pytest.raises(NotFound, match=r"no match for platform in manifest .*: it has none for linux/s390x$"):
        plan_of(blobs, index, Platform(os="linux", architecture="s390x"))


def test_a_manifest_that_is_not_there_is_named_before_anything_is_sent() -> None:
    blobs = Blobs()
    index = index_of(blobs, ("linux/amd64", image_of(blobs, "a")), ("linux/arm64", gone := image_of(blobs, "b")))
    del blobs.data[gone["digest"]]
    with pytest.raises(NotFound, match=gone["digest"]):
        plan_of(blobs, index)
    assert plan_of(blobs, index, Platform(os="linux", architecture="amd64")).manifests


def test_foreign_layers_are_not_sent() -> None:
    blobs = Blobs()
    plan = plan_of(blobs, image_of(blobs, "base", kind=FOREIGN))
    assert [part.target.media_type for part in plan.blobs] == [image.OCI_CONFIG]


def test_indexes_of_indexes_without_end_are_refused() -> None:
    blobs = Blobs()
    target = image_of(blobs, "a")
    for _ in range(6):
        target = index_of(blobs, ("", target))
    with pytest.raises(InvalidArgument, match="too deep"):
        plan_of(blobs, target)


def test_a_blob_is_mounted_from_where_it_or_what_names_it_is_known() -> None:
    blobs = Blobs()
    manifest = image_of(blobs, "a", "b")
    layer = digest_of(b"a")
    blobs.labels = {manifest["digest"]: {KEY: "team/base"}, layer: {KEY: "library/a"}}
    del blobs.data[digest_of(b"b")]  # it may be mounted all the same
    mounts = {part.target.digest: part.mount_from for part in plan_of(blobs, manifest).blobs}
    assert mounts[layer] == "library/a"
    assert mounts[digest_of(b"b")] == "team/base"
    assert set(mounts.values()) == {"library/a", "team/base"}


def test_what_an_image_says_of_itself_is_not_mounted_from() -> None:
    blobs = Blobs()
    config = blobs.add(image.OCI_CONFIG, {})
    config["annotations"] = {KEY: "victim/private"}
    manifest = blobs.add(image.OCI_MANIFEST, {"schemaVersion": 2, "config": config, "layers": []})
    assert [part.mount_from for part in plan_of(blobs, manifest).blobs] == [""]


def test_a_source_is_remembered_as_long_as_there_is_room() -> None:
    blobs = Blobs()
    digest = image_of(blobs, "a")["digest"]
    store = cast(ContentStore, blobs)
    for path in ("b", "a", "b"):
        add_source(store, SCOPE, digest, parse_reference(f"registry.example:5000/{path}"))
    assert blobs.labels[digest] == {KEY: "a,b"}
    blobs.labels[digest][KEY] = full = ",".join(f"{at:04}" for at in range(800))
    add_source(store, SCOPE, digest, parse_reference("registry.example/" + "x" * 200))
    assert blobs.labels[digest] == {KEY: full}
    add_source(store, SCOPE, digest_of(b"gone"), parse_reference("registry.example/a"))
