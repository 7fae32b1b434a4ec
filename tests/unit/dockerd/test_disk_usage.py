"""GET /system/df: what is asked for, each layer once, each file once, one reader for all who ask.

Facts of moby 28.5: api/server/router/system/system_routes.go, daemon/disk_usage.go, daemon/containerd/service.go.
"""

import asyncio
import os
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from slipway.base.errors import NotFound
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.dockerd.api.disk_usage import DiskUsageRoutes
from slipway.dockerd.api.routing import Router
from slipway.dockerd.images.content import chain_id
from slipway.dockerd.images.disk_usage import disk_usage
from slipway.dockerd.images.model import ImageContent, NamedImage
from slipway.dockerd.images.sizes import ImageSizes
from slipway.dockerd.system.disk_usage import DiskUsage
from slipway.dockerd.volumes.model import Volume
from slipway.dockerd.volumes.usage import volume_size
from slipway.transport.aio.http_messages import BodyStream, Request, Response

ALL = {"container", "image", "volume", "build-cache"}


class Backend:
    asked: Collection[str] = ()

    async def measure(self, kinds: Collection[str]) -> dict[str, Any]:
        self.asked = kinds
        return {"Images": [{"Size": 5}] if "image" in kinds else None}


def ask(backend: Backend, target: str) -> tuple[int, Any]:
    async def answer() -> Response:
        stream = BodyStream(lambda: None, lambda: None)
        stream.feed_end()
        request = Request(method="GET", target=target.encode(), headers={}, body=stream, keeps_alive=True)
        answer = await Router(DiskUsageRoutes(backend).routes(), {}).handle(request)
        assert isinstance(answer, Response)
        return answer

    response = asyncio.run(answer())
    return response.status, orjson.loads(response.body)


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        ("/system/df", ALL),
        ("/v1.51/system/df?type=image", {"image"}),
        ("/v1.42/system/df?type=container&type=volume&type=build-cache", {"container", "volume", "build-cache"}),
        ("/v1.41/system/df?type=image", ALL),
        ("/v1.41/system/df?type=nosuch", ALL),
    ],
)
def test_only_what_is_asked_for_is_measured(target: str, kinds: set[str]) -> None:
    backend = Backend()
    assert ask(backend, target)[0] == 200
    assert set(backend.asked) == kinds


@pytest.mark.parametrize("query", ["type=nosuch", "type=image&type=", "type="])
def test_an_unknown_kind_is_refused(query: str) -> None:
    backend = Backend()
    status, document = ask(backend, f"/v1.51/system/df?{query}")
    assert (status, backend.asked) == (400, ())
    assert document["message"].startswith("unknown object type: ")


@pytest.mark.parametrize(("version", "expected"), [("1.43", {"Size": 5, "VirtualSize": 5}), ("1.44", {"Size": 5})])
def test_a_virtual_size_is_there_before_1_44(version: str, expected: dict[str, int]) -> None:
    assert ask(Backend(), f"/v{version}/system/df")[1]["Images"] == [expected]


# Images.

SIZES = {"base": 100, "one": 10, "two": 1}


def image(name: str, *layers: str) -> NamedImage:
    target = Descriptor(media_type="", digest=f"sha256:{name}", size=1)
    content = ImageContent(
        id=target.digest,
        target=target,
        manifest=target,
        layers=(),
        diff_ids=layers,
        chain_id=chain_id(layers),
        config=ContainerConfig(),
        document={"created": f"2026-01-0{len(layers)}T00:00:00Z"},
    )
    return NamedImage(content=content, names=(f"docker.io/library/{name}:latest",))


class FakeSnapshots:
    """The snapshots of all layers, of a container (5 bytes), and of one that goes while it is measured."""

    def __init__(self) -> None:
        self._sizes = {
            chain_id(layers): SIZES[layers[-1]] for layers in (("base",), ("base", "one"), ("base", "two"), ("two",))
        }
        self._sizes["container"] = 5

    async def keys(self) -> list[str]:
        return [*self._sizes, "going"]

    async def usage(self, key: str) -> int:
        if key not in self._sizes:
            raise NotFound(f"snapshot {key} does not exist")
        return self._sizes[key]


def usage_of(images: list[NamedImage], users: dict[str, int]) -> tuple[int, dict[str, tuple[int, int, int]]]:
    async def all_images() -> list[NamedImage]:
        return images

    snapshots: Any = FakeSnapshots()
    environment: Any = SimpleNamespace(
        finder=SimpleNamespace(all=all_images),
        sizes=ImageSizes(snapshots),
        containerd=SimpleNamespace(snapshots=snapshots),
    )
    total, documents = asyncio.run(disk_usage(environment, users))
    rows = {each["Id"]: (each["Size"], each["SharedSize"], each["Containers"]) for each in documents}
    assert [each["Created"] for each in documents] == sorted((each["Created"] for each in documents), reverse=True)
    return total, rows


def test_a_layer_that_two_images_have_is_counted_once() -> None:
    images = [image("a", "base", "one"), image("b", "base", "two"), image("c", "two")]
    total, rows = usage_of(images, {"sha256:a": 2})
    assert total == 100 + 10 + 1 + 1 + 5, "each snapshot once, that of the container, too"
    assert rows == {"sha256:a": (110, 100, 2), "sha256:b": (101, 100, 0), "sha256:c": (1, 0, 0)}


def test_an_image_alone_shares_nothing() -> None:
    assert usage_of([image("a", "base", "one")], {})[1] == {"sha256:a": (110, 0, 0)}


# Volumes.


def test_a_volume_has_the_lengths_of_its_files_each_inode_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    os.link(tmp_path / "a", tmp_path / "same")
    below = tmp_path / "below"
    below.mkdir()
    (below / "b").write_bytes(b"y" * 20)
    os.symlink("/etc/passwd", below / "link")
    with (below / "sparse").open("wb") as file:
        file.truncate(1 << 20)
    assert volume_size(str(tmp_path)) == 1000 + 20 + len("/etc/passwd") + (1 << 20)


def test_a_volume_that_cannot_be_seen_is_of_unknown_size(tmp_path: Path) -> None:
    assert volume_size(str(tmp_path / "nosuch")) == -1


# All together.


class Engine:
    """Containers, images and volumes in one; `measured` counts how often each was asked for."""

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.gate = asyncio.Event()

    async def usage(self) -> list[dict[str, Any]]:
        self.measured.append("container")
        await self.gate.wait()
        return [{"Id": "c", "SizeRw": 3, "ImageManifestDescriptor": {}}]

    def image_users(self) -> dict[str, int]:
        return {"i": 1}

    def volume_users(self, name: str) -> list[str]:
        return ["c", "d"] if name == "data" else []

    async def disk_usage(self, users: Any) -> tuple[int, list[dict[str, Any]]]:
        self.measured.append("image")
        return 7, [{"Id": each} for each in users]

    def list(self) -> "list[Volume]":
        return [
            Volume(name="data", mountpoint="/data", created=0),
            Volume(name="gone", mountpoint="/gone", created=0),
            Volume(name="nfs", mountpoint="/nfs", created=0, options={"type": "nfs"}),
            Volume(name="unused", mountpoint="/unused", created=0),
        ]

    async def size(self, name: str) -> int:
        self.measured.append(name)
        if name == "gone":
            raise NotFound("get gone: no such volume")
        return 11


def measure(*asked: set[str]) -> tuple[Engine, list[dict[str, Any]]]:
    async def run() -> tuple[Engine, list[dict[str, Any]]]:
        engine: Any = Engine()
        usage = DiskUsage(engine, engine, engine)
        waiting = [asyncio.ensure_future(usage.measure(kinds)) for kinds in asked]
        await asyncio.sleep(0)
        engine.gate.set()
        return engine, [await each for each in waiting]

    return asyncio.run(run())


def test_all_is_measured() -> None:
    _, (document,) = measure(ALL)
    volumes = {each["Name"]: each["UsageData"] for each in document.pop("Volumes")}
    assert volumes == {"data": {"Size": 11, "RefCount": 2}, "unused": {"Size": 11, "RefCount": 0}}
    assert document == {
        "LayersSize": 7,
        "Images": [{"Id": "i"}],
        "Containers": [{"Id": "c", "SizeRw": 3}],
        "BuildCache": [],
    }


def test_what_is_not_asked_for_is_null() -> None:
    engine, (document,) = measure({"image"})
    assert document == {
        "LayersSize": 7,
        "Images": [{"Id": "i"}],
        "Containers": None,
        "Volumes": None,
        "BuildCache": None,
    }
    assert engine.measured == ["image"]


def test_who_asks_meanwhile_is_told_the_same() -> None:
    engine, documents = measure({"container"}, {"container"}, {"container", "image"})
    assert engine.measured == ["container", "image"]
    assert all(document["Containers"] == [{"Id": "c", "SizeRw": 3}] for document in documents)
