"""Registries that serve documents of two meanings, under false types, digests and sizes: refused, nothing is left."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.model import Registry as Source
from slipway.contracts.oci import image
from tests.integration.images.conftest import Daemon
from tests.integration.registry.conftest import Answer, Asked, Registry

SCOPE = Scope("moby")
CONFIG = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
PART = {"mediaType": image.OCI_CONFIG, "digest": digest_of(CONFIG), "size": len(CONFIG)}
MANIFEST: dict[str, Any] = {"schemaVersion": 2, "config": PART, "layers": []}
ITSELF = {"mediaType": image.OCI_INDEX, "digest": digest_of(b"itself"), "size": 6}


@pytest.fixture
def registry() -> Iterator[Registry]:
    served = Registry()
    yield served
    served.close()


def pull(daemon: Daemon, registry: Registry, documents: dict[str, tuple[str, bytes]]) -> None:
    """Pull `x:latest`. `documents`: what is served under a tag or a digest, and as what."""

    def answer(asked: Asked) -> Answer:
        kind, data = documents.get(asked.path.rpartition("/")[2], ("", b""))
        return Answer(body=data, headers={"Content-Type": kind}) if kind else Answer(404)

    registry.answer = answer
    name = f"{registry.domain}/x:latest"
    asyncio.run(daemon.transfer.pull(SCOPE, Source(reference=name), daemon.destination(name), daemon.reported.append))


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
    ],
    ids=("both", "both-index", "both-config", "as-index", "as-manifest", "lying", "lying-html", "long", "short", "huge",
         "other", "path", "padded"),
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
