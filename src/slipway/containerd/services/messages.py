"""Data that several services carry, to protobuf and back."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from slipway.contracts.containerd_api.generated import types_pb2
from slipway.contracts.containerd_api.types import Descriptor, Mount, Platform

NANOSECONDS = 1_000_000_000


def timestamp(nanoseconds: int) -> Timestamp:
    seconds, nanos = divmod(nanoseconds, NANOSECONDS)
    return Timestamp(seconds=seconds, nanos=nanos)


def nanoseconds(message: Timestamp) -> int:
    return message.seconds * NANOSECONDS + message.nanos


def descriptor_message(descriptor: Descriptor) -> types_pb2.Descriptor:
    return types_pb2.Descriptor(
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        annotations=descriptor.annotations,
    )


def descriptor_from_message(message: types_pb2.Descriptor) -> Descriptor:
    return Descriptor(
        media_type=message.media_type,
        digest=message.digest,
        size=message.size,
        annotations=dict(message.annotations),
    )


def mount_messages(mounts: Iterable[Mount]) -> list[types_pb2.Mount]:
    return [
        types_pb2.Mount(type=mount.type, source=mount.source, target=mount.target, options=mount.options)
        for mount in mounts
    ]


def mounts_from_messages(messages: Iterable[Any]) -> tuple[Mount, ...]:
    """From protobuf mounts, the generated or the shim's."""
    return tuple(
        Mount(type=message.type, source=message.source, target=message.target, options=tuple(message.options))
        for message in messages
    )


def platform_from_message(message: types_pb2.Platform) -> Platform:
    return Platform(
        os=message.os, architecture=message.architecture, variant=message.variant, os_version=message.os_version
    )
