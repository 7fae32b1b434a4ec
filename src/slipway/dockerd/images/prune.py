"""`docker image prune`: names that no container needs go, and images with their last name."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from slipway.base.errors import EngineError, InvalidArgument, NotFound
from slipway.base.references import parse_reference
from slipway.contracts.engine_api.filters import Filters
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.model import ImageUse, NamedImage
from slipway.dockerd.images.names import complete_name, dangling_name, is_dangling
from slipway.dockerd.images.remove import untag
from slipway.dockerd.images.select import PRUNE_FILTERS, Wanted, selected_names, wanted

log = logging.getLogger(__name__)


async def prune(
    environment: ImageEnvironment, filters: Filters, uses: Callable[[], Sequence[ImageUse]]
) -> dict[str, Any]:
    """Remove what has no name of its own, or with dangling=false whatever no container uses, and the filters leave.

    `uses` is asked again before each image. Raises InvalidArgument, before anything is removed.
    """
    filters.check_names(PRUNE_FILTERS)
    only_dangling = filters.boolean("dangling", default=True)
    clock = environment.clock
    asked = wanted(filters.without("dangling"), before=(), since=(), now=clock.now(), offset=clock.local_offset())
    removed: list[dict[str, str]] = []
    reclaimed = 0
    for listed in await environment.finder.all():
        if not names_to_prune(listed, asked, uses(), only_dangling=only_dangling):
            continue
        try:
            size = await environment.sizes.total(listed.content)
            image = await environment.finder.find(listed.content.id)  # as it is by now
            names = names_to_prune(image, asked, uses(), only_dangling=only_dangling)
            removed += await untag(environment, image, names)
        except NotFound:
            continue  # somebody else removes it
        except EngineError as error:
            log.warning("an image cannot be pruned: %s", error, extra={"fields": {"id": listed.content.id}})
            continue
        reclaimed += size if len(names) == len(image.names) else 0
    return {"ImagesDeleted": removed or None, "SpaceReclaimed": reclaimed}


def names_to_prune(
    image: NamedImage, asked: Wanted, uses: Iterable[ImageUse], *, only_dangling: bool
) -> tuple[str, ...]:
    """Without those by which containers were made; and of an image that a container has one name stays in any case."""
    uses = list(uses)
    needed = {name for use in uses for name in _needed_names(use)}
    names = sorted(
        name for name in selected_names(image, asked) if name not in needed and (is_dangling(name) or not only_dangling)
    )
    if len(names) == len(image.names) and any(use.image_id == image.content.id for use in uses):
        names.pop()
    return tuple(names)


def _needed_names(use: ImageUse) -> list[str]:
    """What keeps an image of a container findable: the name that the user gave, and that of an image without one."""
    found = [dangling_name(use.image_id)]
    try:
        reference = parse_reference(use.reference)
        found.append(complete_name(use.reference))
        if reference.tag:
            found.append(reference.with_tag(reference.tag).complete)
    except InvalidArgument:
        pass  # an id
    return found
