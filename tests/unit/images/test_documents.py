"""Manifests, indexes and configurations: read, chosen by platform, refused when they are two things at once."""

import json

import pytest

from slipway.base.digests import chain_ids, check_digest, digest_of
from slipway.base.errors import InvalidArgument
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci import image, platforms

DIGEST = digest_of(b"x")
ANY = {"mediaType": image.OCI_CONFIG, "digest": DIGEST, "size": 1}


def encoded(**fields: object) -> bytes:
    return json.dumps({"schemaVersion": 2, **fields}).encode()


def test_a_manifest_tells_its_config_and_layers() -> None:
    data = encoded(config=ANY, layers=[{**ANY, "mediaType": image.OCI_LAYER_GZIP, "annotations": {"a": "b"}}])
    manifest = image.decode_manifest_or_index(data, image.OCI_MANIFEST, "manifest")
    assert isinstance(manifest, image.Manifest)
    assert manifest.config.digest == DIGEST
    assert manifest.layers[0].annotations == {"a": "b"}


@pytest.mark.parametrize(
    ("data", "announced", "sentence"),
    [
        (encoded(config=ANY, layers=[], manifests=[]), image.OCI_MANIFEST, "reads as a manifest and as an index"),
        (encoded(manifests=[], layers=[]), image.OCI_INDEX, "reads as a manifest and as an index"),
        (encoded(mediaType=image.OCI_INDEX, manifests=[]), image.OCI_MANIFEST, "was announced as"),
        (encoded(config=ANY, layers=[]), image.OCI_INDEX, "its fields are not those of"),
        (encoded(manifests=[]), image.OCI_MANIFEST, "its fields are not those of"),
        (b'{"schemaVersion":1,"fsLayers":[]}', "", "schema 1"),
        (encoded(), image.SCHEMA_1[0], "schema 1"),
        (encoded(layers=[]), "", "without config"),
        (encoded(config={**ANY, "digest": "sha256:../../etc"}), "", "invalid digest"),
        (encoded(config={**ANY, "size": -1}), "", "no size"),
        (encoded(config={**ANY, "size": True}), "", "no size"),
        (encoded(config=ANY, layers={}), "", "not a list"),
        (b"[]", "", "not a JSON object"),
        (b"{", "", "decode"),
        (b"[" * 100000, "", "decode"),
    ],
)
def test_ambiguous_and_malformed_documents_are_refused(data: bytes, announced: str, sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence):
        image.decode_manifest_or_index(data, announced, "decode manifest")


def test_a_configuration_tells_platform_and_diff_ids() -> None:
    config = image.decode_config(
        encoded(os="linux", architecture="arm64", rootfs={"type": "layers", "diff_ids": [DIGEST]}), "config"
    )
    assert config.platform == Platform(os="linux", architecture="arm64")
    assert config.diff_ids == (DIGEST,)
    with pytest.raises(InvalidArgument, match="no digest"):
        image.decode_config(encoded(rootfs={"diff_ids": ["sha256:zz"]}), "config")


@pytest.mark.parametrize(
    ("machine", "offers", "chosen"),
    [
        ("x86_64", ["linux/arm64", "linux/amd64"], 1),
        ("aarch64", ["linux/amd64", "linux/arm64/v8"], 1),
        ("armv7l", ["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], 1),
        ("armv6l", ["linux/arm/v5", "linux/arm/v7"], 0),
        ("x86_64", ["windows/amd64", "linux/s390x"], None),
        ("x86_64", ["linux/amd64/v3", "linux/amd64"], 1),
    ],
)
def test_the_manifest_for_the_machine_is_chosen(machine: str, offers: list[str], chosen: int | None) -> None:
    entries = []
    for at, offer in enumerate(offers):
        system, architecture, variant = (*offer.split("/"), "")[:3]
        target = Descriptor(media_type=image.OCI_MANIFEST, digest=digest_of(bytes([at])), size=1)
        platform = Platform(os=system, architecture=architecture, variant=variant)
        entries.append(image.IndexEntry(target=target, platform=platform))
    best = platforms.choose(entries, platforms.platform_from_machine(machine))
    assert best == (None if chosen is None else entries[chosen])


def test_digests_are_checked_by_pattern() -> None:
    assert check_digest(DIGEST) == DIGEST
    for text in ("", "sha256:", "sha256:" + "g" * 64, DIGEST + "\n", DIGEST.upper(), "md5:" + "0" * 32, "sha256:../x"):
        with pytest.raises(InvalidArgument):
            check_digest(text)


def test_chain_ids_follow_the_specification() -> None:
    first, second = digest_of(b"a"), digest_of(b"b")
    assert chain_ids((first, second)) == (first, digest_of(f"{first} {second}".encode()))
    assert chain_ids(()) == ()
