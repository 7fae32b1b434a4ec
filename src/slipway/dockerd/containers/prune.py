"""`docker container prune`."""

from collections.abc import Mapping
from typing import Any

from slipway.base.errors import EngineError, InvalidArgument
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.files.sizes import sizes
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.list_containers import has_labels
from slipway.dockerd.containers.remove import remove


async def prune(environment: ContainerEnvironment, filters: Mapping[str, list[str]]) -> dict[str, Any]:
    """Remove every container that does not run and that the filters leave."""
    for name in filters:
        if name not in ("label", "label!"):
            raise InvalidArgument(f"invalid filter '{name}'")
    removed, reclaimed = [], 0
    for container in environment.registry:
        labels = container.record.config.labels or {}
        if container.state.status not in (Status.CREATED, Status.EXITED, Status.DEAD):
            continue
        if not has_labels(labels, filters.get("label", ())):
            continue
        if filters.get("label!") and has_labels(labels, filters["label!"]):
            continue
        size = (await sizes(environment, container))["SizeRw"]
        try:
            await remove(environment, container, force=False, remove_volumes=False)
        except EngineError:
            continue  # it was started, or somebody else removes it
        removed.append(container.id)
        reclaimed += size
    environment.events.publish("container", "prune", "", {"reclaimed": str(reclaimed)})
    return {"ContainersDeleted": removed or None, "SpaceReclaimed": reclaimed}
