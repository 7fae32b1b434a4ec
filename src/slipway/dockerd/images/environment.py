"""Everything that the verbs of this noun work with. Built once, in launch."""

from dataclasses import dataclass

from slipway.base.clock import Clock
from slipway.clients.containerd.client import ContainerdClient
from slipway.contracts.containerd_api.types import Platform
from slipway.dockerd.events.interface import Events
from slipway.dockerd.images.resolve import ImageFinder
from slipway.dockerd.images.sizes import ImageSizes
from slipway.dockerd.registries.interface import FindsRegistries


@dataclass(frozen=True, kw_only=True)
class ImageEnvironment:
    """The parts. `scratch` is a folder for what is spooled, on the data root's disk."""

    containerd: ContainerdClient
    finder: ImageFinder
    sizes: ImageSizes
    events: Events
    clock: Clock
    platform: Platform
    scratch: str
    snapshotter: str
    registries: FindsRegistries
