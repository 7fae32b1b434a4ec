"""What the daemon tells of its parts: those that did not start, filters, and what a runtime says of itself."""

import asyncio
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyProto

from slipway.base.errors import (
    EngineError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    NotImplementedByEngine,
)
from slipway.containerd.configuration.model import MetricsSettings, Settings
from slipway.containerd.services.introspection import IntrospectionService, Part
from slipway.containerd.services.parts import Disabled, check_required, parts_of
from slipway.containerd.snapshots.choice import Snapshotters
from slipway.contracts.containerd_api.generated import introspection_pb2 as api
from slipway.contracts.shim_api.introspection import RUNTIME_INFO_TYPE, RUNTIME_REQUEST_TYPE, RuntimeRequest
from slipway.wire.protobuf import encode
from slipway.wire.protobuf_known import AnyMessage

CALL: Any = None
SNAPSHOTTERS = Snapshotters(
    by_name={}, default="native", refused={"overlayfs": "no such device"}, folders={"native": "/n", "overlayfs": "/o"}
)
RUNTIME = "io.containerd.runtime.v2"


async def runtime_info(runtime: str, options: bytes) -> bytes:
    return f"{runtime} {options!r}".encode()


def service(settings: Settings | None = None) -> IntrospectionService:
    parts = parts_of(settings or Settings(), SNAPSHOTTERS, "linux/amd64")
    return IntrospectionService(parts, identity="uuid", runtime_info=runtime_info)


def plugins(*filters: str, settings: Settings | None = None) -> dict[str, api.Plugin]:
    reply = asyncio.run(service(settings).plugins(CALL, api.PluginsRequest(filters=filters)))
    return {f"{plugin.type}.{plugin.id}": plugin for plugin in reply.plugins}


def test_a_part_that_did_not_start_says_why() -> None:
    found = plugins("type==io.containerd.snapshotter.v1")
    assert {name: plugin.HasField("init_err") for name, plugin in found.items()} == {
        "io.containerd.snapshotter.v1.native": False,
        "io.containerd.snapshotter.v1.overlayfs": True,
    }
    broken = found["io.containerd.snapshotter.v1.overlayfs"]
    assert (broken.init_err.code, broken.init_err.message) == (2, "no such device")
    assert dict(broken.exports) == {"root": "/o"}
    assert [(one.os, one.architecture) for one in broken.platforms] == [("linux", "amd64")]


def test_filters_choose_by_type_and_id() -> None:
    assert plugins("id==task").keys() == {f"{RUNTIME}.task"}
    assert plugins("type==io.containerd.gc.v1", "id==leases").keys() == {
        "io.containerd.gc.v1.scheduler",
        "io.containerd.grpc.v1.leases",
    }
    with pytest.raises(InvalidArgument):
        plugins("type==")


def test_cri_is_not_claimed() -> None:
    assert not [name for name in plugins() if "cri" in name]


def test_disabled_parts_are_not_there() -> None:
    names = ("io.containerd.snapshotter.v1.native", "io.containerd.grpc.v1.leases", "io.containerd.gc.v1.scheduler")
    settings = Settings(disabled_plugins=names)
    found = plugins(settings=settings)
    assert found.keys() & set(names) == {"io.containerd.gc.v1.scheduler"}
    parts = parts_of(settings, SNAPSHOTTERS, "linux/amd64")
    assert Disabled(names=frozenset(names)).refused(parts) == ["io.containerd.gc.v1.scheduler"]


def test_containers_are_monitored_where_metrics_are_served() -> None:
    monitor = "io.containerd.monitor.task.v1.cgroups"
    served = Settings(metrics=MetricsSettings(address="127.0.0.1:1"))
    assert monitor not in plugins()
    assert monitor in plugins(settings=served)


def test_what_is_required_must_be_there_and_well() -> None:
    parts = parts_of(Settings(), SNAPSHOTTERS, "linux/amd64")
    check_required(parts, ["io.containerd.snapshotter.v1.native"])
    with pytest.raises(NotFound, match=r"required plugin io\.x"):
        check_required(parts, ["io.x"])
    with pytest.raises(FailedPrecondition, match=r"overlayfs: no such device"):
        check_required(parts, ["io.containerd.snapshotter.v1.overlayfs"])


def info(type_: str, id_: str, options: AnyProto | None = None) -> api.PluginInfoResponse:
    request = api.PluginInfoRequest(type=type_, id=id_, options=options)
    reply: api.PluginInfoResponse = asyncio.run(service().plugin_info(CALL, request))
    return reply


def test_a_runtime_is_asked_about_itself() -> None:
    options = AnyMessage(type_url="runc.Options", value=b"o")
    asked = encode(RuntimeRequest(runtime_path="io.containerd.runc.v2", options=options))
    reply = info(RUNTIME, "task", AnyProto(type_url=RUNTIME_REQUEST_TYPE, value=asked))
    assert reply.plugin.id == "task"
    assert reply.extra.type_url == RUNTIME_INFO_TYPE
    assert reply.extra.value == f"io.containerd.runc.v2 {encode(options)!r}".encode()
    assert not info(RUNTIME, "task").HasField("extra")


@pytest.mark.parametrize(
    ("type_", "id_", "options", "kind"),
    [
        ("io.none", "none", None, NotFound),
        ("io.containerd.gc.v1", "scheduler", AnyProto(type_url="x"), NotImplementedByEngine),
        ("io.containerd.snapshotter.v1", "overlayfs", AnyProto(type_url="x"), FailedPrecondition),
        (RUNTIME, "task", AnyProto(type_url="x"), NotImplementedByEngine),
        (RUNTIME, "task", AnyProto(type_url=RUNTIME_REQUEST_TYPE, value=b"\xff"), InvalidArgument),
    ],
)
def test_what_a_part_cannot_tell_is_refused(
    type_: str, id_: str, options: AnyProto | None, kind: type[EngineError]
) -> None:
    with pytest.raises(kind):
        info(type_, id_, options)


def test_the_parts_name_is_its_type_and_id() -> None:
    assert Part(type="io.x.v1", id="y").name == "io.x.v1.y"
