"""Which manifest of an index is pushed by itself: the one that is wanted, or the one that is here."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from slipway.base.errors import EngineError, FailedPrecondition, NotFound
from slipway.clients.containerd.images import Image
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci.image import (
    DOCUMENT_LIMIT,
    Index,
    IndexEntry,
    Manifest,
    decode_config,
    decode_manifest_or_index,
)
from slipway.contracts.oci.platforms import is_attestation, matches, normalized, text_of
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.names import familiar_name

_DEPTH: Final = 4


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A manifest of an index; `is_here`: with everything that it names."""

    target: Descriptor
    is_here: bool
    platform: Platform | None = None


async def choose_manifest(environment: ImageEnvironment, image: Image, wanted: Platform | None) -> Descriptor:
    """Of a wanted platform the only manifest that is here; without one the index, if it is whole, else what is here.

    Raises NotFound where there is none, FailedPrecondition where several fit.
    """
    found = [each async for each in _manifests(environment, image.target, None, _DEPTH)]
    here = [each for each in found if each.is_here and each.platform is not None and _fits(each.platform, wanted)]
    if not here:
        raise NotFound(_nothing(familiar_name(image.name), wanted))
    if wanted is not None:
        if len(here) > 1:
            raise FailedPrecondition(f"multiple manifests found for platform {text_of(wanted)}")
        return here[0].target
    if all(each.is_here for each in found):
        return image.target
    if len(here) == 1:
        return here[0].target
    for each in here:
        if each.platform is not None and matches(environment.platform, each.platform):
            return each.target
    raise FailedPrecondition("multiple matching manifests found but no specific platform requested")


async def _manifests(
    environment: ImageEnvironment, target: Descriptor, entry: IndexEntry | None, depth: int
) -> AsyncIterator[_Found]:
    """Attestations count for what is missing, but are nothing to choose: they have no platform here."""
    try:
        data = await environment.containerd.content.read(target.digest, limit=DOCUMENT_LIMIT)
        document = decode_manifest_or_index(data, target.media_type, f"manifest {target.digest}")
        if isinstance(document, Manifest):
            yield await _found(environment, target, entry, document)
            return
    except NotFound:
        yield _Found(target=target, is_here=False)
        return
    for child in document.entries if isinstance(document, Index) and depth else ():
        async for each in _manifests(environment, child.target, child, depth - 1):
            yield each


async def _found(
    environment: ImageEnvironment, target: Descriptor, entry: IndexEntry | None, manifest: Manifest
) -> _Found:
    """Raises NotFound for content that is missing."""
    for blob in (manifest.config, *manifest.layers):
        await environment.containerd.content.info(blob.digest)
    if entry is not None and is_attestation(entry):
        return _Found(target=target, is_here=True)
    data = await environment.containerd.content.read(manifest.config.digest, limit=DOCUMENT_LIMIT)
    try:
        platform = decode_config(data, f"image configuration {manifest.config.digest}").platform
    except EngineError:
        return _Found(target=target, is_here=True)
    return _Found(target=target, is_here=True, platform=platform)


def _fits(offered: Platform, wanted: Platform | None) -> bool:
    """To the letter: a push of linux/arm/v7 is not one of linux/arm/v6."""
    if wanted is None:
        return True
    mine, theirs = normalized(offered), normalized(wanted)
    return (mine.os, mine.architecture, mine.variant) == (theirs.os, theirs.architecture, theirs.variant)


def _nothing(name: str, wanted: Platform | None) -> str:
    sentence = f"image with reference {name} was found but does not provide"
    what = "any platform" if wanted is None else f"the specified platform ({text_of(wanted)})"
    return f"{sentence} {what}"
