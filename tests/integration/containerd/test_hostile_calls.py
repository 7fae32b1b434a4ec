"""Every call of containerd's API with hostile texts in each of its fields: refused or harmless, never a fault of ours.

Ids, namespaces, snapshot keys, labels, digests, paths: whatever a field means, one call has it hostile and the others
sound, so that each check is reached.
"""

import asyncio
import importlib
import itertools
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from slipway.base.errors import EngineError, Unavailable
from slipway.contracts.containerd_api import generated
from slipway.contracts.containerd_api.status import error_from_status
from slipway.transport.aio.grpc_client import GrpcChannel
from slipway.transport.aio.grpc_method import Method, methods_of
from tests.integration.containerd.daemon import OurContainerd

CANARY = "canary28"
HOSTILE = (
    "",
    ".",
    "..",
    f"../{CANARY}",
    f"../../../../../../../../tmp/{CANARY}",
    f"/tmp/{CANARY}",
    f"a/../../{CANARY}",
    f"{CANARY}\0x",
    f"{CANARY}\n{CANARY}",
    "ü²١\u202e",
    "x" * 65536,
    "😀" * 16384,
    f"sha256:../../{CANARY}",
    "sha256:" + "A" * 64,
    "sha512:" + "0" * 64,
    "%s%n{0}$(id)`id`",
    "io.containerd.runtime.v2/../..",
)
SOUND = {
    "digest": "sha256:" + "0" * 64,
    "expected": "",  # else a write never gets as far as its ref
    "filters": "name==sound",
    "snapshotter": "overlayfs",
    "parent": "",
    "paths": "labels",
    "type": "bind",
    "media_type": "application/vnd.oci.image.layer.v1.tar",
}
NUMBERS = (-1, 0, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63), 2**64 - 1)
SECONDS = 5.0
# They wait by design: for an event, for an end, for the client's other half.
WAITING = ("Subscribe", "Watch", "Wait", "Stream")


def methods() -> Iterator[Method]:
    for module in pkgutil.iter_modules(generated.__path__):
        if not module.name.endswith("_pb2") or module.name in ("task_pb2", "ttrpc_events_pb2"):
            continue  # those two are the shim's
        descriptor = importlib.import_module(f"{generated.__name__}.{module.name}").DESCRIPTOR
        for service in descriptor.services_by_name.values():
            for method in methods_of(service).values():
                if not method.path.rpartition("/")[2].startswith(WAITING):
                    yield method


def fill(message: Any, depth: int = 3) -> None:
    """Something sound in every field."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
                getattr(message, field.name)["label"] = "sound"
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            if depth and field.name != "checkpoint":  # with one, nothing else is looked at: they are not served
                below = getattr(message, field.name)
                below = below.add() if field.is_repeated else below
                below.SetInParent()
                fill(below, depth - 1)
        elif field.type == FieldDescriptor.TYPE_STRING:
            put(message, field, SOUND.get(field.name, "sound"))


def put(message: Any, field: FieldDescriptor, value: object) -> None:
    if field.is_repeated:
        del getattr(message, field.name)[:]
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def variants(request: Any, message: Any, values: tuple[str, ...], depth: int = 3) -> Iterator[Message]:
    """`request`, whose part `message` is, once for each text (and number) in each field."""
    for field in message.DESCRIPTOR.fields:
        before = type(message)()
        before.CopyFrom(message)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
                for text in values:
                    getattr(message, field.name).clear()
                    getattr(message, field.name)[text] = text
                    yield request
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            if depth and (field.is_repeated or message.HasField(field.name)):
                below = getattr(message, field.name)
                yield from variants(request, below[0] if field.is_repeated else below, values, depth - 1)
        else:
            for value in choices(field, values):
                try:
                    put(message, field, value)
                except (ValueError, TypeError):
                    continue  # too large for this field: it cannot be sent
                yield request
        message.CopyFrom(before)


def choices(field: FieldDescriptor, values: tuple[str, ...]) -> tuple[object, ...]:
    if field.type == FieldDescriptor.TYPE_STRING:
        return values
    if field.type == FieldDescriptor.TYPE_BYTES:
        return (b"", b"\xff" * 100, b"{" * 70_000)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return ()
    return NUMBERS


async def ask(channel: GrpcChannel, method: Method, request: Any, namespace: str) -> str:
    """What is wrong with the answer; empty when nothing is."""
    headers = {"containerd-namespace": namespace}
    try:
        async with asyncio.timeout(SECONDS):
            async with channel.open(method, headers=headers) as stream:
                await stream.send(request, last=True)
                async for _ in first_replies(stream):
                    pass
    except EngineError as error:
        wrong = isinstance(error, Unavailable) or "internal error" in str(error) or "Traceback" in str(error)
        return str(error) if wrong else ""
    except TimeoutError:
        return f"no answer within {SECONDS:g} s"
    return ""


async def first_replies(stream: Any) -> Any:
    for _ in itertools.repeat(None, 20):
        try:
            yield await anext(stream)
        except StopAsyncIteration:
            return


METHODS = sorted(methods(), key=lambda method: method.path)


def attack(daemon: OurContainerd, values: tuple[str, ...], methods: list[Method]) -> list[str]:
    async def run() -> list[str]:
        channel = GrpcChannel(daemon.address, error_from_status)
        told = {}
        try:
            for method in methods:
                sound: Any = method.request_type()
                fill(sound)
                for request in variants(sound, sound, values):
                    if wrong := await ask(channel, method, request, "sound"):
                        told[method.path, wrong] = str(request)[:200]
        finally:
            channel.close()
        return [f"{path}: {wrong} to {request}" for (path, wrong), request in told.items()]

    return asyncio.run(run())


SERVICES = sorted({method.path.split("/")[1] for method in METHODS})
SAMPLE = ("Containers", "Content", "Snapshots")


@pytest.mark.parametrize(
    "service", [pytest.param(name, marks=() if name.endswith(SAMPLE) else pytest.mark.matrix) for name in SERVICES]
)
def test_hostile_texts_in_every_field_of_every_call(shared: OurContainerd, service: str) -> None:
    mine = [method for method in METHODS if method.path.startswith(f"/{service}/")]
    assert not (told := attack(shared, HOSTILE, mine)), "\n".join(told)
    assert "Traceback" not in shared.log_path.read_text()
    for place in (Path("/"), Path("/tmp"), shared.folder.parent, shared.folder):
        assert not list(place.glob(f"{CANARY}*"))
    # os.walk does not mind that a rehearsal of the template removes its folder meanwhile.
    names = (name for _, folders, files in os.walk(shared.folder) for name in (*folders, *files))
    assert not [name for name in names if CANARY in name]
