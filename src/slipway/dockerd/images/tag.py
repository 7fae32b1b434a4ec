"""`docker tag`."""

from slipway.base.errors import AlreadyExists
from slipway.clients.containerd.images import Image
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.names import familiar_name


async def tag_image(environment: ImageEnvironment, reference: str, complete: str) -> None:
    """Let `complete` name the image of `reference`, whatever it named before. Raises NotFound."""
    found = await environment.finder.find_for_container(reference)
    image = Image(name=complete, target=found.content.target, labels={})
    try:
        await environment.containerd.images.create(image)
    except AlreadyExists:
        await environment.containerd.images.replace(image)
    environment.events.publish("image", "tag", found.content.id, {"name": familiar_name(complete)})
