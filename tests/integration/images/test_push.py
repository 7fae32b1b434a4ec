"""Images pushed to the original registry: whole, once, mounted, logged in, chosen by platform; and what cannot be."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slipway.base.errors import InvalidArgument, NotFound, PermissionDenied, Unauthenticated
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.model import AuthChallenge, Credentials, ImageStore, Progress, Registry
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.oci import image
from tests.integration.images.conftest import Bytes, Daemon
from tests.integration.images.distribution import USER, Distribution, layer_of
from tests.integration.registry.upload_registry import Reply, UploadRegistry, refusal
from tests.support import layouts
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]
SCOPE = Scope("moby")
ARM = Platform(os="linux", architecture="arm64")
SENDING = ("POST", "PUT", "PATCH")


@pytest.fixture(scope="module")
def distribution(short_folder: Path) -> Iterator[Distribution]:
    with Distribution(short_folder / "registry") as served:
        yield served


@pytest.fixture
def tolerant() -> Iterator[UploadRegistry]:
    with UploadRegistry() as served:
        yield served


def pull(daemon: Daemon, name: str, *wanted: Platform) -> str:
    destination = replace(daemon.destination(name), platforms=wanted or (daemon.stores.platform,))
    asyncio.run(daemon.transfer.pull(SCOPE, Registry(reference=name), destination, lambda step: None))
    return daemon.stores.images.get(SCOPE, name).target.digest


def push(
    daemon: Daemon,
    name: str,
    local: str = "",
    *wanted: Platform,
    ask: Callable[[AuthChallenge], Awaitable[Credentials | None]] | None = None,
) -> list[Progress]:
    daemon.reported.clear()
    source = ImageStore(name=local or name, platforms=wanted)
    destination = Registry(reference=name, ask_credentials=ask)
    asyncio.run(daemon.transfer.push(SCOPE, source, destination, daemon.reported.append))
    return daemon.reported


def stored_image(daemon: Daemon, distribution: Distribution, name: str, *layers: bytes) -> str:
    """An image in the daemon's store that no registry but `distribution`, under seed/NAME, has."""
    digest = distribution.push_image(f"seed/{name}", "1", layers or [layer_of({name: os.urandom(300_000)})])
    assert pull(daemon, f"{distribution.address}/seed/{name}:1") == digest
    return f"{distribution.address}/seed/{name}:1"


def forget_sources(daemon: Daemon) -> None:
    for info in daemon.stores.content.list(SCOPE):
        for key in info.labels:
            if "distribution.source" in key:
                daemon.stores.content.update(SCOPE, info.digest, {}, [f"labels.{key}"])


def sent(distribution: Distribution, before: int) -> list[tuple[str, str, int]]:
    return [request for request in distribution.requests()[before:] if request[0] in SENDING]


def test_a_pushed_image_is_pulled_as_it_was(new_daemon: Callable[[], Daemon], distribution: Distribution) -> None:
    daemon, other = new_daemon(), new_daemon()
    local = stored_image(daemon, distribution, "whole", *(layer_of({str(at): os.urandom(400_000)}) for at in range(5)))
    forget_sources(daemon)
    name = f"{distribution.address}/out/whole:2"
    reported = push(daemon, name, local)
    digest = daemon.stores.images.get(SCOPE, local).target.digest
    assert pull(other, name) == digest
    events = [step.event for step in reported]
    assert events[:2] == [f"Pushing to OCI Registry ({name})", "pushing content"]
    assert events[-2:] == ["pushed content", f"Completed push to OCI Registry ({name})"]
    assert events.count("waiting") == events.count("complete") == 7
    assert "uploading" in events
    parents = {step.name: step.parents for step in reported if step.event == "waiting"}
    assert parents[f"manifest-{digest}"] == (local,)
    assert set(parents.values()) == {(local,), (f"manifest-{digest}",)}
    assert not daemon.leases.list(SCOPE)


def test_a_second_push_sends_nothing(daemon: Daemon, distribution: Distribution) -> None:
    local = stored_image(daemon, distribution, "twice")
    name = f"{distribution.address}/out/twice:1"
    push(daemon, name, local)
    before = len(distribution.requests())
    events = [step.event for step in push(daemon, name, local)]
    assert not sent(distribution, before)
    assert events.count("already exists") == 3
    assert "complete" not in events
    tag = f"{distribution.address}/out/twice:other"
    before = len(distribution.requests())
    push(daemon, tag, local)
    assert [path for _, path, _ in sent(distribution, before)] == ["/v2/out/twice/manifests/other"]


def test_what_a_sister_repository_has_is_mounted(daemon: Daemon, distribution: Distribution) -> None:
    local = stored_image(daemon, distribution, "base", layer_of({"a": os.urandom(500_000)}), layer_of({"b": b"b"}))
    before = len(distribution.requests())
    push(daemon, f"{distribution.address}/sister/app:1", local)
    assert [(path.partition("?")[0], status) for method, path, status in sent(distribution, before)] == [
        *[("/v2/sister/app/blobs/uploads/", 201)] * 3,
        ("/v2/sister/app/manifests/1", 201),
    ]
    digest = daemon.stores.images.get(SCOPE, local).target.digest
    labels = daemon.stores.content.info(SCOPE, digest).labels
    assert labels["containerd.io/distribution.source.127.0.0.1"] == "seed/base,sister/app"


def test_a_source_that_is_not_true_costs_a_request_and_no_more(daemon: Daemon, distribution: Distribution) -> None:
    local = stored_image(daemon, distribution, "lost")
    key = "containerd.io/distribution.source.127.0.0.1"
    for info in daemon.stores.content.list(SCOPE):
        daemon.stores.content.update(SCOPE, info.digest, {key: "never/was"}, [f"labels.{key}"])
    push(daemon, f"{distribution.address}/out/lost:1", local)


def index_of(distribution: Distribution, daemon: Daemon, name: str) -> tuple[str, str, str]:
    """A pushed index of two images: this machine's and another's; the digests of index and images."""
    machine = daemon.stores.platform
    entries, digests = [], []
    for platform in (machine, ARM):
        layers = [layer_of({platform.architecture: os.urandom(1000)})]
        tag = platform.architecture
        digest = distribution.push_image(f"seed/{name}", tag, layers, architecture=platform.architecture)
        entries.append(
            {
                "mediaType": image.OCI_MANIFEST,
                "digest": digest,
                "size": distribution.size_of(f"seed/{name}", digest),
                "platform": {"os": platform.os, "architecture": platform.architecture},
            }
        )
        digests.append(digest)
    index = {"schemaVersion": 2, "mediaType": image.OCI_INDEX, "manifests": entries}
    return (distribution.push_manifest(f"seed/{name}", "1", image.OCI_INDEX, index), *digests)  # type: ignore[return-value]


def test_an_index_is_pushed_with_all_its_images(new_daemon: Callable[[], Daemon], distribution: Distribution) -> None:
    daemon, other = new_daemon(), new_daemon()
    index, mine, foreign = index_of(distribution, daemon, "index")
    local, name = f"{distribution.address}/seed/index:1", f"{distribution.address}/out/index:1"
    assert pull(daemon, local, daemon.stores.platform, ARM) == index
    reported = push(daemon, name, local)
    parents = {step.name: step.parents for step in reported if step.event == "waiting"}
    assert parents[f"manifest-{mine}"] == parents[f"manifest-{foreign}"] == (f"index-{index}",)
    assert pull(other, name, ARM) == index
    assert daemon.stores.content.info(SCOPE, foreign)


def test_an_index_whose_images_are_not_all_here_is_refused_by_name(
    new_daemon: Callable[[], Daemon], distribution: Distribution
) -> None:
    daemon = new_daemon()
    _, mine, foreign = index_of(distribution, daemon, "partial")
    local, name = f"{distribution.address}/seed/partial:1", f"{distribution.address}/out/partial:1"
    pull(daemon, local)
    before = len(distribution.requests())
    with pytest.raises(NotFound, match=foreign):
        push(daemon, name, local)
    assert len(distribution.requests()) == before
    with pytest.raises(NotFound, match="no match for platform in manifest"):
        push(daemon, name, local, Platform(os="linux", architecture="s390x"))
    with pytest.raises(InvalidArgument, match=r"are missing in your target registry: .*manifest"):
        push(daemon, name, local, daemon.stores.platform)  # an index without its other image is none to this registry
    other = new_daemon()
    assert pull(other, f"{distribution.address}/out/partial@{mine}") == mine


def test_a_layer_that_is_gone_is_named_unless_the_registry_has_it(daemon: Daemon, distribution: Distribution) -> None:
    layer = layer_of({"gone": os.urandom(1000)})
    local = stored_image(daemon, distribution, "gone", layer)
    (digest,) = [info.digest for info in daemon.stores.content.list(SCOPE) if info.size > 900]
    daemon.stores.content.delete(SCOPE, digest)
    push(daemon, f"{distribution.address}/out/mounted:1", local)
    forget_sources(daemon)
    with pytest.raises(NotFound, match=digest):
        push(daemon, f"{distribution.address}/out/gone:1", local)


def test_a_foreign_layer_is_not_sent(daemon: Daemon, tolerant: UploadRegistry, tmp_path: Path) -> None:
    """Not even one that is here: its makers do not want it to be passed on, and registries do without it."""
    layout = layouts.Layout()
    layout.list(layout.image(layouts.MACHINE, "theirs", kind=layouts.FOREIGN), name="example.org/foreign:1", ref="1")
    archive = Bytes(layout.write(tmp_path / "foreign.tar").read_bytes())
    asyncio.run(daemon.transfer.import_archive(SCOPE, archive, daemon.destination(prefix="x"), lambda step: None))
    push(daemon, f"{tolerant.domain}/x:1", "example.org/foreign:1")
    assert len(tolerant.blobs["x"]) == 1
    assert len(tolerant.of("HEAD")) == 2


def test_a_locked_registry_is_pushed_to_with_what_the_client_has(daemon: Daemon, short_folder: Path) -> None:
    with (
        Distribution(short_folder / "locked", is_guarded=True) as locked,
        Distribution(short_folder / "open") as opened,
    ):
        local = stored_image(daemon, opened, "secret", *(layer_of({str(at): b"x"}) for at in range(4)))
        name = f"{locked.address}/out/secret:1"
        asked: list[AuthChallenge] = []

        async def ask(challenge: AuthChallenge) -> Credentials | None:
            asked.append(challenge)
            await asyncio.sleep(0)
            return Credentials(kind="credentials", username=USER[0], secret=USER[1])

        async def ask_wrong(challenge: AuthChallenge) -> Credentials | None:
            return Credentials(kind="credentials", username=USER[0], secret="wrong")

        for refused in (None, ask_wrong):
            with pytest.raises(Unauthenticated, match=r"may require authorization.*401 Unauthorized") as failed:
                push(daemon, name, local, ask=refused)
            assert "wrong" not in failed.value.message
        push(daemon, name, local, ask=ask)
        assert [(each.host, each.reference) for each in asked] == [(locked.address, name)]
        assert [request for request in locked.requests() if request[2] == 201][-1][1] == "/v2/out/secret/manifests/1"


def test_the_first_failure_ends_the_push(daemon: Daemon, distribution: Distribution, tolerant: UploadRegistry) -> None:
    local = stored_image(daemon, distribution, "fails", *(layer_of({str(at): os.urandom(99)}) for at in range(20)))
    tolerant.hook = lambda asked: refusal(403, "DENIED", "no") if asked.method == "POST" else None
    with pytest.raises(PermissionDenied, match="403 Forbidden: denied: no"):
        push(daemon, f"{tolerant.domain}/x:1", local)
    assert len(tolerant.of("HEAD")) < 10
    assert not tolerant.of("PUT")


def test_no_more_than_three_uploads_go_at_once(
    daemon: Daemon, distribution: Distribution, tolerant: UploadRegistry
) -> None:
    local = stored_image(daemon, distribution, "many", *(layer_of({str(at): os.urandom(99)}) for at in range(12)))
    going: list[int] = []
    most = 0

    def hook(asked: Any) -> Reply | None:
        nonlocal most
        going.append(1) if asked.method == "HEAD" else None
        most = max(most, len(going))
        if asked.method == "PUT":
            going.pop()
        return None

    tolerant.hook = hook
    push(daemon, f"{tolerant.domain}/x:1", local)
    assert 2 <= most <= 4  # the hook of the last PUT and the next HEAD may run in either order
    assert len(tolerant.blobs["x"]) == 13


def test_a_push_that_is_cancelled_midway_leaves_nothing_open(
    daemon: Daemon, distribution: Distribution, tolerant: UploadRegistry
) -> None:
    local = stored_image(daemon, distribution, "ended", *(layer_of({str(at): os.urandom(2 << 20)}) for at in range(4)))
    tolerant.hook = lambda asked: (
        Reply(stalls=True, reads=1000) if int(asked.headers.get("content-length", "0")) > 1_000_000 else None
    )

    def open_blobs() -> list[str]:
        links = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return [link for link in links if "/blobs/" in link]

    async def main() -> None:
        source, destination = ImageStore(name=local), Registry(reference=f"{tolerant.domain}/x:1")
        pushing = asyncio.create_task(daemon.transfer.push(SCOPE, source, destination, daemon.reported.append))
        await asyncio.to_thread(tolerant.stalling.wait)
        assert await asyncio.to_thread(open_blobs)
        pushing.cancel()
        await asyncio.wait_for(asyncio.wait([pushing]), 3)
        assert pushing.cancelled()
        await asyncio.to_thread(wait_until, lambda: not open_blobs(), "the blobs to be closed")
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert not daemon.leases.list(SCOPE)
    tolerant.hook = lambda asked: None
    push(daemon, f"{tolerant.domain}/x:1", local)


def test_an_unknown_image_and_a_malformed_place_are_refused(daemon: Daemon, distribution: Distribution) -> None:
    with pytest.raises(NotFound, match="nowhere/x:1"):
        push(daemon, "nowhere/x:1")
    local = stored_image(daemon, distribution, "refused")
    with pytest.raises(InvalidArgument, match="invalid reference format"):
        push(daemon, f"{distribution.address}/Out/../x:1", local)
