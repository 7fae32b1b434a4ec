"""Sources and destinations of a transfer, decoded. Pure."""

from collections.abc import Awaitable, Callable
from typing import Any

from slipway.containerd.services.messages import platform_from_message
from slipway.containerd.transfer.model import (
    AuthChallenge,
    Credentials,
    ExportOptions,
    ExtraReference,
    ImageStore,
    Registry,
    Unpack,
)


def registry(message: Any, ask: Callable[[AuthChallenge], Awaitable[Credentials | None]] | None) -> Registry:
    resolver = message.resolver
    return Registry(
        reference=message.reference,
        headers=dict(resolver.headers),
        host_dir=resolver.host_dir,
        default_scheme=resolver.default_scheme,
        ask_credentials=ask,
    )


def image_store(message: Any) -> ImageStore:
    return ImageStore(
        name=message.name,
        labels=dict(message.labels),
        platforms=tuple(map(platform_from_message, message.platforms)),
        all_metadata=message.all_metadata,
        manifest_limit=message.manifest_limit,
        extra_references=tuple(map(_extra_reference, message.extra_references)),
        unpacks=tuple(
            Unpack(platform=platform_from_message(unpack.platform), snapshotter=unpack.snapshotter)
            for unpack in message.unpacks
        ),
    )


def export_options(message: Any) -> ExportOptions:
    return ExportOptions(
        media_type=message.media_type,
        platforms=tuple(map(platform_from_message, message.platforms)),
        all_platforms=message.all_platforms,
        skip_compatibility_manifest=message.skip_compatibility_manifest,
        skip_non_distributable=message.skip_non_distributable,
    )


def _extra_reference(message: Any) -> ExtraReference:
    return ExtraReference(
        name=message.name,
        is_prefix=message.is_prefix,
        allow_overwrite=message.allow_overwrite,
        add_digest=message.add_digest,
        skip_named_digest=message.skip_named_digest,
    )
