"""`docker pull`: containerd fetches and unpacks; its steps become the client's progress lines."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from slipway.base.errors import EngineError, NotFound
from slipway.clients.containerd.streams import cancel_quietly
from slipway.clients.containerd.transfer import Credentials, Progress
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.oci.platforms import text_of
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.names import familiar_name, split_tag
from slipway.dockerd.images.progress import PullMessages


async def pull(
    environment: ImageEnvironment, complete: str, platform: Platform | None, credentials: Credentials | None
) -> AsyncIterator[dict[str, Any]]:
    """Messages as they come; `platform` None is this machine's.

    The image is there when the last one, its digest and a sentence, has been given.
    """
    repository, tag = split_tag(complete)
    before = await _digest(environment, complete)
    messages = PullMessages()
    steps: asyncio.Queue[Progress | None] = asyncio.Queue()
    transfer = _transfer(environment, complete, platform or environment.platform, credentials, steps)
    work = asyncio.get_running_loop().create_task(transfer, name="pull")
    try:
        step = await _first_of_image(steps)
        if step is None:
            await work  # what failed before anything came is the request's error, not a message
        yield {"status": f"Pulling from {repository.partition('/')[2]}", "id": tag}
        while step is not None:
            for message in messages.of(step):
                yield message
            step = await steps.get()
        await work
    finally:
        await cancel_quietly(work)
    after = await _digest(environment, complete)
    environment.events.publish("image", "pull", familiar_name(complete), {"name": familiar_name(repository)})
    yield {"status": f"Digest: {after}"}
    done = "Image is up to date for" if before == after else "Downloaded newer image for"
    yield {"status": f"Status: {done} {familiar_name(complete)}"}


async def _first_of_image(steps: "asyncio.Queue[Progress | None]") -> Progress | None:
    """The first step that tells of content: resolving the name may still fail."""
    while (step := await steps.get()) is not None:
        if "sha256:" in step.name:
            return step
    return None


async def _transfer(
    environment: ImageEnvironment,
    complete: str,
    platform: Platform,
    credentials: Credentials | None,
    steps: "asyncio.Queue[Progress | None]",
) -> None:
    transfer = environment.containerd.transfer
    try:
        hosts = await environment.registries.folder_for(complete.partition("/")[0])
        await transfer.pull(complete, platform, steps.put_nowait, credentials=credentials, host_dir=hosts)
    except NotFound as error:
        if "no match for platform" not in error.message:
            raise
        sentence = f"no matching manifest for {text_of(platform)} in the manifest list entries: {error.message}"
        raise NotFound(sentence) from error
    finally:
        steps.put_nowait(None)


async def _digest(environment: ImageEnvironment, complete: str) -> str:
    try:
        return (await environment.containerd.images.get(complete)).target.digest
    except EngineError:
        return ""
