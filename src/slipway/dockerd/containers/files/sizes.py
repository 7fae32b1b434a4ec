"""How much a container has written: SizeRw and SizeRootFs."""

from slipway.base.errors import NotFound
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment


async def sizes(environment: ContainerEnvironment, container: Container) -> dict[str, int]:
    """Bytes of the writable layer, and of it with the image's layers."""
    snapshots = environment.containerd.snapshots
    try:
        own = await snapshots.usage(container.id)
    except NotFound:
        return {"SizeRw": 0, "SizeRootFs": 0}
    total, parent = own, await snapshots.parent(container.id)
    while parent:
        total += await snapshots.usage(parent)
        parent = await snapshots.parent(parent)
    return {"SizeRw": own, "SizeRootFs": total}
