"""Platforms: names made uniform, and which image a machine can run. Pure; the machine's own name is passed in."""

from collections.abc import Iterable
from typing import Final

from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.oci.architectures import ARCHITECTURES
from slipway.contracts.oci.image import IndexEntry

_ATTESTATION: Final = "vnd.docker.reference.type"  # BuildKit marks what is no image by this annotation


def platform_from_machine(machine: str) -> Platform:
    """The platform of a Linux machine, by uname's word for it."""
    architecture, variant = ARCHITECTURES.get(machine, (machine, ""))
    return normalized(Platform(os="linux", architecture=architecture, variant=variant))


def normalized(platform: Platform) -> Platform:
    """One spelling: x86_64 is amd64; arm64 without v8, arm with v7 (containerd's platforms, Normalize)."""
    architecture, variant = ARCHITECTURES.get(platform.architecture.lower(), (platform.architecture.lower(), ""))
    variant = platform.variant.lower() or variant
    if architecture == "arm64" and variant in ("8", "v8"):
        variant = ""
    elif architecture == "arm":
        variant = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}.get(variant, variant)
    elif architecture == "amd64" and variant == "v1":
        variant = ""
    return Platform(os=platform.os.lower(), architecture=architecture, variant=variant, os_version=platform.os_version)


def matches(wanted: Platform, offered: Platform) -> bool:
    """Whether a machine of platform `wanted` runs an image for `offered`: ARM runs its older variants too."""
    wanted, offered = normalized(wanted), normalized(offered)
    if (wanted.os, wanted.architecture) != (offered.os, offered.architecture):
        return False
    if wanted.architecture == "arm":
        return offered.variant <= wanted.variant
    return offered.variant in ("", wanted.variant)


def choose(entries: Iterable[IndexEntry], wanted: Platform) -> IndexEntry | None:
    """The best manifest of an index: the exact variant first, then the newest that runs, in the author's order.

    An entry without platform is taken only when it is the only image there.
    """
    images = [entry for entry in entries if not is_attestation(entry)]
    running = [entry for entry in images if entry.platform is not None and matches(wanted, entry.platform)]
    if running:
        return max(running, key=lambda entry: _rank(entry, wanted))
    if len(images) == 1 and images[0].platform is None:
        return images[0]
    return None


def is_attestation(entry: IndexEntry) -> bool:
    """Whether it tells of an image and is none."""
    return _ATTESTATION in entry.target.annotations


def text_of(platform: Platform) -> str:
    """linux/arm/v7."""
    return "/".join(part for part in (platform.os, platform.architecture, platform.variant) if part)


def _rank(entry: IndexEntry, wanted: Platform) -> tuple[bool, str]:
    assert entry.platform is not None
    offered = normalized(entry.platform)
    return offered.variant == normalized(wanted).variant, offered.variant
