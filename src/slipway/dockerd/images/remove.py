"""`docker rmi`: names go one by one; with the last one the content is containerd's to collect."""

from collections.abc import Mapping, Sequence

from slipway.base.errors import FailedPrecondition
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.model import NamedImage
from slipway.dockerd.images.names import complete_name, familiar_name, is_dangling


async def remove(
    environment: ImageEnvironment, reference: str, *, force: bool, used: Mapping[str, str]
) -> list[dict[str, str]]:
    """What was untagged and deleted. Raises NotFound, FailedPrecondition (several names, or a container uses it)."""
    image = await environment.finder.find(reference)
    short = image.content.id.removeprefix("sha256:")[:12]
    by_id = _is_id(image, reference)
    names = list(image.names) if by_id else [complete_name(reference)]
    tags = [name for name in names if not is_dangling(name)]
    if by_id and len(tags) > 1 and not force:
        raise FailedPrecondition(
            f"conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories"
        )
    is_last = len(names) == len(image.names)
    container = used.get(image.content.id)
    if is_last and container and not force:
        raise FailedPrecondition(
            f'conflict: unable to remove repository reference "{reference}" (must force) - container '
            f"{container[:12]} is using its referenced image {short}"
        )
    return await untag(environment, image, names)


async def untag(environment: ImageEnvironment, image: NamedImage, names: Sequence[str]) -> list[dict[str, str]]:
    """Take these names from the image, without asking further; with the last one it goes. Raises NotFound."""
    is_last = len(names) == len(image.names)
    removed = []
    for name in names:
        await environment.containerd.images.delete(name, wait_for_collection=is_last and name == names[-1])
        if not is_dangling(name):
            environment.events.publish("image", "untag", image.content.id, {"name": familiar_name(name)})
            removed.append({"Untagged": familiar_name(name)})
    if is_last:
        environment.events.publish("image", "delete", image.content.id, {"name": image.content.id})
        removed.append({"Deleted": image.content.id})
    return removed


def _is_id(image: NamedImage, reference: str) -> bool:
    digits = reference.removeprefix("sha256:")
    if not image.content.id.removeprefix("sha256:").startswith(digits):
        return False
    return reference.startswith("sha256:") or complete_name(reference) not in image.names
