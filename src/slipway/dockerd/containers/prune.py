"""`docker container prune`."""

from typing import Any, Final

from slipway.base.errors import EngineError
from slipway.contracts.engine_api.filters import Filters
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.files.sizes import sizes
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.remove import remove

FILTERS: Final = ("label", "label!", "until")


async def prune(environment: ContainerEnvironment, filters: Filters) -> dict[str, Any]:
    """Remove every container that does not run and that the filters leave. Raises InvalidArgument, before anything."""
    filters.check_names(FILTERS)
    clock = environment.clock
    until = filters.until(now=clock.now(), offset=clock.local_offset())
    removed, reclaimed = [], 0
    for container in environment.registry:
        if container.state.status not in (Status.CREATED, Status.EXITED, Status.DEAD):
            continue
        if until is not None and container.record.created > until:
            continue
        if not filters.passes_labels(container.record.config.labels):
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
