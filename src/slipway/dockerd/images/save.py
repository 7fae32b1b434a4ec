"""`docker save`: containerd's export, passed on as it comes."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from slipway.clients.containerd.streams import cancel_quietly
from slipway.dockerd.images.environment import ImageEnvironment

QUEUED = 64  # pieces of 32 KiB


async def save(environment: ImageEnvironment, references: Sequence[str]) -> AsyncIterator[bytes]:
    """The archive's bytes. Raises NotFound before the first."""
    names = [(await environment.finder.find_for_container(reference)).names[0] for reference in references]
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED)

    async def work() -> None:
        try:
            await environment.containerd.transfer.save(names, environment.platform, pieces.put)
        finally:
            await pieces.put(None)

    task = asyncio.get_running_loop().create_task(work(), name="save")
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        await task
    finally:
        await cancel_quietly(task)
