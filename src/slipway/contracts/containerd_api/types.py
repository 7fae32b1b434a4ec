"""Data that several containerd services share: descriptors, mounts, platforms. Plain and frozen; nothing of gRPC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# An annotation of ours on a blob in a push's progress: the repository of the same registry that it was taken from.
MOUNTED_FROM: Final = "slipway.mounted-from"


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """What names a blob: media type, digest (`sha256:HEX`) and size in bytes. `size` is -1 where it is not known."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """One mount as containerd hands it out: `type` (overlay, bind, ...), `source`, options as mount(8) spells them.

    `target` is a path below the place where the whole list is mounted; empty for the place itself.
    """

    type: str
    source: str
    target: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """Operating system, architecture and variant in Go's words: linux, amd64, v8."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
