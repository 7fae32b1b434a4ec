"""`docker push`: containerd sends what the registry lacks; its steps become the client's progress lines."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from slipway.base.errors import AlreadyExists, EngineError, NotFound
from slipway.clients.containerd.images import Image
from slipway.clients.containerd.streams import cancel_quietly
from slipway.clients.containerd.transfer import Credentials, Progress
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci.image import INDEX_TYPES, document_from_descriptor
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.names import DANGLING_PREFIX, familiar_name, split_tag
from slipway.dockerd.images.progress import PushMessages
from slipway.dockerd.images.push_choice import choose_manifest

# How containerd tells what a registry said, the original's in two lines.
_REGISTRY_WORDS: Final = re.compile(
    r"unexpected status from [A-Z]+ request to \S+: \d{3}[\w -]*(?::|\n)\s*(.+)", re.DOTALL
)
_CODE: Final = re.compile(r"[a-z_ ]{1,40}: (?=.)")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a client asked for."""

    platform: Platform | None
    credentials: Credentials | None


async def push(
    environment: ImageEnvironment, repository: str, complete: str, order: Order
) -> AsyncIterator[dict[str, Any]]:
    """Messages as they come. `complete` empty: every tag of `repository` (docker.io/library/nginx).

    Everything that fails does so after the first message, as with the original.
    """
    yield {"status": f"The push refers to repository [{repository}]"}
    names = [complete] if complete else await _tags_of(environment, repository)
    for name in names:
        async for message in _push_one(environment, name, order):
            yield message


async def _tags_of(environment: ImageEnvironment, repository: str) -> list[str]:
    names = [image.name for image in await environment.containerd.images.list()]
    found = sorted(name for name in names if split_tag(name)[0] == repository and "@" not in name)
    if not found:
        raise NotFound(f"An image does not exist locally with the tag: {familiar_name(repository)}")
    return found


async def _push_one(environment: ImageEnvironment, name: str, order: Order) -> AsyncIterator[dict[str, Any]]:
    try:
        image = await environment.containerd.images.get(name)
    except NotFound as error:
        raise NotFound(f"tag does not exist: {familiar_name(name)}") from error
    messages = PushMessages()
    target = image.target
    if order.platform is not None:
        target = await choose_manifest(environment, image, order.platform)
    try:
        async for message in _send(environment, image, target, order, messages):
            yield message
    except NotFound as error:
        chosen = await _chosen_instead(environment, image, order, error)
        if chosen is None:
            yield {"aux": {"contentMissing": True, "desc": document_from_descriptor(target)}}
            raise
        for message in messages.unavailable():
            yield message
        async for message in _send(environment, image, chosen, order, messages):
            yield message
        yield {"aux": _pushed_instead(target, chosen)}
        target = chosen
    repository, tag = split_tag(name)
    environment.events.publish("image", "push", familiar_name(name), {"name": familiar_name(repository)})
    if "@" not in name:
        yield {"status": f"{tag}: digest: {target.digest} size: {target.size}"}


async def _chosen_instead(
    environment: ImageEnvironment, image: Image, order: Order, error: NotFound
) -> Descriptor | None:
    """Of an index that is not here as a whole the one manifest that is; None where that is no help."""
    if order.platform is not None or image.target.media_type not in INDEX_TYPES:
        return None
    chosen = await choose_manifest(environment, image, None)
    return None if chosen.digest == image.target.digest else chosen


async def _send(
    environment: ImageEnvironment, image: Image, target: Descriptor, order: Order, messages: PushMessages
) -> AsyncIterator[dict[str, Any]]:
    steps: asyncio.Queue[Progress | None] = asyncio.Queue()
    work = asyncio.get_running_loop().create_task(_transfer(environment, image, target, order, steps), name="push")
    try:
        while (step := await steps.get()) is not None:
            for message in messages.of(step):
                yield message
        await work
    finally:
        await cancel_quietly(work)


async def _transfer(
    environment: ImageEnvironment,
    image: Image,
    target: Descriptor,
    order: Order,
    steps: "asyncio.Queue[Progress | None]",
) -> None:
    transfer = environment.containerd.transfer
    try:
        hosts = await environment.registries.folder_for(image.name.partition("/")[0])
        async with _named(environment, image, target) as local:
            await transfer.push(local, image.name, steps.put_nowait, credentials=order.credentials, host_dir=hosts)
    except NotFound:
        raise
    except EngineError as error:
        raise words_of_failure(error) from error
    finally:
        steps.put_nowait(None)


@asynccontextmanager
async def _named(environment: ImageEnvironment, image: Image, target: Descriptor) -> AsyncIterator[str]:
    """A name in containerd's store for what is pushed: one manifest of an index has none of its own.

    What a crash leaves is an image without a tag, which a prune removes.
    """
    if target.digest == image.target.digest:
        yield image.name
        return
    images = environment.containerd.images
    name = f"{DANGLING_PREFIX}@{target.digest}"
    try:
        await images.create(Image(name=name, target=target, labels={}))
    except AlreadyExists:
        yield name
        return
    try:
        yield name
    finally:
        with suppress(NotFound):
            await images.delete(name)


def words_of_failure(error: EngineError) -> EngineError:
    """The registry's own words, as the original's daemon passes them on."""
    said = _REGISTRY_WORDS.search(error.message)
    if said is None:
        return error
    words = " ".join(_CODE.sub("", said[1], count=1).split())
    return type(error)(f"error from registry: {words}", error.hint)


def _pushed_instead(index: Descriptor, manifest: Descriptor) -> dict[str, Any]:
    return {
        "manifestPushedInsteadOfIndex": True,
        "originalIndex": document_from_descriptor(index),
        "selectedManifest": document_from_descriptor(manifest),
    }
