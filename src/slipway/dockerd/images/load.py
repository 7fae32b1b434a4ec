"""`docker load`: an archive into containerd's image store."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from slipway.base.errors import EngineError, InvalidArgument
from slipway.clients.containerd.transfer import Progress
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.interface import ReadBytes
from slipway.dockerd.images.names import DANGLING_PREFIX, familiar_name, is_dangling


async def load(environment: ImageEnvironment, read: ReadBytes) -> AsyncIterator[dict[str, Any]]:
    """One message per image. Raises InvalidArgument for what is no archive of images; what was stored before stays."""
    saved: list[str] = []

    def on_progress(step: Progress) -> None:
        if step.event == "saved" and step.name:
            saved.append(step.name)

    before = {image.name: image.updated_at for image in await environment.containerd.images.list()}
    try:
        await environment.containerd.transfer.load(read, environment.platform, DANGLING_PREFIX, on_progress)
    except EngineError as error:
        if error.kind in ("internal", "not_found"):
            raise InvalidArgument(f"load images: {error.message}") from error
        raise
    await asyncio.sleep(0)
    if not saved:
        # The progress stream may end before its last steps are read: the store knows.
        images = await environment.containerd.images.list()
        saved = [image.name for image in images if before.get(image.name) != image.updated_at]
    for name in sorted(set(saved)):
        image = await environment.finder.find_for_container(name if not is_dangling(name) else name.partition("@")[2])
        environment.events.publish("image", "load", image.content.id, {"name": familiar_name(name)})
        what = f"image ID: {image.content.id}" if is_dangling(name) else f"image: {familiar_name(name)}"
        yield {"stream": f"Loaded {what}\n"}
