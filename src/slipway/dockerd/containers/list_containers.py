"""Which containers `docker ps` shows."""

from dataclasses import dataclass
from typing import Final

from slipway.base.errors import FailedPrecondition, InvalidArgument, NotFound
from slipway.contracts.engine_api.filters import Filters
from slipway.dockerd.containers import container_filters
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.describe import list_ports
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.registry import ContainerRegistry
from slipway.dockerd.images.interface import FindsImages

FILTERS: Final = frozenset(
    ("ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name", "network")
) | {"publish", "since", "status", "volume"}


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """The filters, understood. `images` None: whatever the image; `before` and `since` are ids, or empty."""

    filters: Filters
    codes: frozenset[int]
    images: frozenset[str] | None
    published: frozenset[tuple[int, str]]
    exposed: frozenset[tuple[int, str]]
    before: str
    since: str


async def select(
    environment: ContainerEnvironment, *, everything: bool, limit: int, filters: Filters
) -> list[Container]:
    """Newest first. A filter on status, or a limit, shows those that do not run, too.

    Raises InvalidArgument, NotFound.
    """
    wanted = await _understood(environment, filters)
    everything = everything or limit > 0 or bool(filters.values("status"))
    candidates = sorted(
        _named(environment.registry, filters), key=lambda container: container.record.created, reverse=True
    )
    found: list[Container] = []
    for container in _between(candidates, wanted):
        if 0 < limit <= len(found):
            break
        if (everything or _runs(container)) and _passes(container, wanted):
            found.append(container)
    return found


async def _understood(environment: ContainerEnvironment, filters: Filters) -> _Wanted:
    """In the order in which the original finds fault."""
    filters.check_names(FILTERS)
    codes = container_filters.exit_codes(filters)
    container_filters.check_statuses(filters)
    filters.boolean("is-task")
    container_filters.check_healths(filters)
    registry = environment.registry
    return _Wanted(
        filters=filters,
        codes=codes,
        before=_last_id(registry, filters.values("before")),
        since=_last_id(registry, filters.values("since")),
        images=await _images(environment.images, filters.values("ancestor")) if "ancestor" in filters else None,
        published=container_filters.ports(filters, "publish"),
        exposed=container_filters.ports(filters, "expose"),
    )


def _named(registry: ContainerRegistry, filters: Filters) -> list[Container]:
    """Of `id` (the beginning of one only) and `name` (a regular expression, with or without the slash)."""
    found = list(registry)
    if ids := filters.values("id"):
        begun = [[each for each in found if prefix and each.id.startswith(prefix)] for prefix in ids]
        meant = {matches[0].id for matches in begun if len(matches) == 1}
        found = [each for each in found if each.id in meant]
    if filters.values("name"):
        found = [
            each for each in found if filters.matches("name", f"/{each.name}") or filters.matches("name", each.name)
        ]
    return found


def _between(newest: list[Container], wanted: _Wanted) -> list[Container]:
    """Those older than `before` and newer than `since`, by their places in the list, as the original walks it."""
    ids = [container.id for container in newest]
    first = 0
    if wanted.before:
        first = ids.index(wanted.before) + 1 if wanted.before in ids else len(ids)
    last = ids.index(wanted.since) if wanted.since in ids else len(ids)
    return newest[first:last]


def _passes(container: Container, wanted: _Wanted) -> bool:
    record, state, filters = container.record, container.state, wanted.filters
    return (
        # No task of a swarm is here; and only Windows has an isolation to filter for.
        not filters.boolean("is-task")
        and filters.has_labels(record.config.labels)
        and container_filters.has_state(state, filters, wanted.codes)
        and container_filters.has_volume(record, filters)
        and (wanted.images is None or record.image_id in wanted.images)
        and container_filters.has_network(record, state, filters)
        and container_filters.has_port(list_ports(container), wanted.published, wanted.exposed)
    )


def _runs(container: Container) -> bool:
    return container.state.is_running or container.state.status == Status.RESTARTING


def _last_id(registry: ContainerRegistry, references: list[str]) -> str:
    """Of several the last counts. Raises NotFound."""
    return [registry.find(reference).id for reference in references][-1] if references else ""


async def _images(images: FindsImages, references: list[str]) -> frozenset[str]:
    """The images that are meant, and what was made from them. One that is not there means nothing."""
    found: set[str] = set()
    for reference in references:
        try:
            new = [(await images.find_for_container(reference)).content.id]
        except (NotFound, InvalidArgument, FailedPrecondition):
            continue
        while new:
            image_id = new.pop()
            if image_id not in found:
                found.add(image_id)
                new += await images.children(image_id)
    return frozenset(found)
