"""What labels and leases keep: the same calls on the original containerd 2.1 and on ours leave the same objects."""

import asyncio
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.base.digests import digest_of
from slipway.clients.containerd.calls import service_methods
from slipway.contracts.containerd_api.generated import content_pb2, images_pb2, leases_pb2, snapshots_pb2
from slipway.contracts.containerd_api.status import error_from_status
from slipway.transport.aio.grpc_client import GrpcChannel
from tests.integration.containerd.daemon import OurContainerd
from tests.support.peers import OriginalContainerd

pytestmark = [pytest.mark.root, pytest.mark.peers]
CONTENT = service_methods(content_pb2.DESCRIPTOR, "Content")
IMAGES = service_methods(images_pb2.DESCRIPTOR, "Images")
LEASES = service_methods(leases_pb2.DESCRIPTOR, "Leases")
SNAPSHOTS = service_methods(snapshots_pb2.DESCRIPTOR, "Snapshots")
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
Ctr = Callable[..., object]
BLOBS = "abcdefghijkmnp"
PARENTS = {"one": "", "two": "one", "three": "two", "apart": "", "rooted": ""}


def blob(name: str) -> bytes:
    return f"blob {name}".encode()


class Steps:
    """Calls of one daemon; `ctr` writes the blobs."""

    def __init__(self, address: str, namespace: str, ingest: Callable[[str, bytes], object]) -> None:
        self._channel = GrpcChannel(address, error_from_status)
        self._headers = {"containerd-namespace": namespace}
        self._ingest = ingest

    async def call(self, method: Any, **fields: Any) -> Any:
        return await self._channel.call(method, method.request_type(**fields), headers=self._headers, timeout=20)

    async def listed(self, method: Any, field: str, key: str, **fields: Any) -> list[str]:
        request = method.request_type(**fields)
        found: list[str] = []
        async for reply in self._channel.replies(method, request, headers=self._headers):
            found += [getattr(each, key) for each in getattr(reply, field)]
        return found

    async def run(self) -> dict[str, set[str]]:
        """Make everything, collect, and tell what is left."""
        await self._guard()
        for name in BLOBS:
            await asyncio.to_thread(self._ingest, f"ref-{name}", blob(name))
        await self._label("a", {"containerd.io/gc.root": "x", "containerd.io/gc.ref.content.0": "b"})
        await self._label("c", {"containerd.io/gc.ref.content": "d"})
        await self._label("g", {"containerd.io/gc.ref.snapshot.overlayfs/x": "apart"})
        labels = {
            "one": {"containerd.io/gc.ref.content.y": digest_of(blob("f"))},
            "rooted": {"containerd.io/gc.root": "x"},
        }
        for name, parent in PARENTS.items():
            await self.call(SNAPSHOTS["prepare"], snapshotter="overlayfs", key="active", parent=parent)
            await self.call(
                SNAPSHOTS["commit"], snapshotter="overlayfs", key="active", name=name, labels=labels.get(name, {})
            )
        await self._lease("flat", {"containerd.io/gc.flat": "x"}, content="c", **{"snapshots/overlayfs": "two"})
        await self._lease("over", {"containerd.io/gc.expire": PAST}, content="e")
        await self._lease("odd", {"containerd.io/gc.expire": "tomorrow"}, content="p")
        await self._lease("deep", {}, content="g", images="leased")
        await self._image("old", "h", {"containerd.io/gc.expire": PAST})
        await self._image("new", "i", {"containerd.io/gc.expire": FUTURE})
        await self._image("holder", "j", {"containerd.io/gc.ref.image.x": "held"})
        await self._image("held", "k", {"containerd.io/gc.expire": PAST})
        await self._image("leased", "m", {"containerd.io/gc.expire": PAST, "containerd.io/gc.ref.content.z": "n"})
        await self.call(LEASES["delete"], id="guard", sync=True)
        names = {digest_of(blob(name)): name for name in BLOBS}
        images = await self.call(IMAGES["list"])
        leases = await self.call(LEASES["list"])
        return {
            "content": {names[digest] for digest in await self.listed(CONTENT["list"], "info", "digest")},
            "snapshots": set(await self.listed(SNAPSHOTS["list"], "info", "name", snapshotter="overlayfs")),
            "images": {image.name for image in images.images},
            "leases": {lease.id for lease in leases.leases},
        }

    async def _guard(self) -> None:
        """Hold everything until it is all there: the daemons collect by themselves, too."""
        await self.call(LEASES["create"], id="guard")
        held = [("content", digest_of(blob(name))) for name in BLOBS]
        held += [("snapshots/overlayfs", name) for name in ("active", *PARENTS)]
        held += [("images", name) for name in ("old", "new", "holder", "held", "leased")]
        for kind, key in held:
            await self.call(LEASES["add_resource"], id="guard", resource=leases_pb2.Resource(id=key, type=kind))

    async def close(self) -> None:
        self._channel.close()

    async def _label(self, name: str, labels: dict[str, str]) -> None:
        """A value that names a blob stands for its digest."""
        values = {key: digest_of(blob(value)) if value in BLOBS else value for key, value in labels.items()}
        method = CONTENT["update"]
        request = method.request_type(info=content_pb2.Info(digest=digest_of(blob(name)), labels=values))
        request.update_mask.paths.append("labels")
        await self._channel.call(method, request, headers=self._headers, timeout=20)

    async def _lease(self, name: str, labels: dict[str, str], **resources: str) -> None:
        await self.call(LEASES["create"], id=name, labels=labels)
        for kind, key in resources.items():
            held = digest_of(blob(key)) if kind == "content" else key
            await self.call(LEASES["add_resource"], id=name, resource=leases_pb2.Resource(id=held, type=kind))

    async def _image(self, name: str, target: str, labels: dict[str, str]) -> None:
        values = {key: digest_of(blob(value)) if value in BLOBS else value for key, value in labels.items()}
        image = images_pb2.Image(name=name, labels=values)
        image.target.media_type, image.target.size = "application/octet-stream", len(blob(target))
        image.target.digest = digest_of(blob(target))
        await self.call(IMAGES["create"], image=image)


async def left(address: str, namespace: str, ingest: Callable[[str, bytes], object]) -> dict[str, set[str]]:
    steps = Steps(address, namespace, ingest)
    try:
        return await steps.run()
    finally:
        await steps.close()


def test_the_same_is_kept_as_by_the_original(fresh: OurContainerd, sid: str, short_folder: Path) -> None:
    ours = asyncio.run(
        left(fresh.address, fresh.namespace, lambda ref, data: fresh.ctr("content", "ingest", ref, stdin=data))
    )
    original = OriginalContainerd(sid, Path(tempfile.mkdtemp(prefix="gc", dir=short_folder)))

    def ingest(ref: str, data: bytes) -> None:
        argv = original.ctr_argv("content", "ingest", ref)
        subprocess.run(argv, input=data, check=True, timeout=20, stdout=subprocess.DEVNULL)

    try:
        theirs = asyncio.run(left(original.address, original.namespace, ingest))
    finally:
        original.stop()
    assert ours == theirs
    assert ours == {
        "content": set("abcgijkmnp"),
        "snapshots": {"one", "two", "apart", "rooted"},
        "images": {"new", "holder", "held", "leased"},
        "leases": {"flat", "odd", "deep"},
    }
