"""An image as dockerd needs it: its identity, its configuration, and the chain of its layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.engine_api.container_config import ContainerConfig


@dataclass(frozen=True, kw_only=True)
class ImageContent:
    """What a target digest leads to on this platform; never changes. `id` is the target's digest (sha256:...).

    `chain_id` names the snapshot of all layers (empty for an image without any); `document` is the image's
    configuration as it is stored; `config` the part of it that containers inherit.
    """

    id: str
    target: Descriptor
    manifest: Descriptor
    layers: tuple[Descriptor, ...]
    diff_ids: tuple[str, ...]
    chain_id: str
    config: ContainerConfig
    document: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class NamedImage:
    """A content under all the names that this engine has for it, complete ones (docker.io/library/nginx:latest).

    `created_at` is when each name came to be here, in nanoseconds.
    """

    content: ImageContent
    names: tuple[str, ...]
    updated_at: int = 0
    created_at: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ImageUse:
    """A container has an image: which, and as what the user named it."""

    image_id: str
    container_id: str
    reference: str
