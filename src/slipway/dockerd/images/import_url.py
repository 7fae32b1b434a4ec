"""`docker import URL`: the daemon fetches the tar itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from slipway.clients.containerd.streams import cancel_quietly
from slipway.clients.web.download import Download, open_download
from slipway.dockerd.images.changes import config_from_changes
from slipway.dockerd.images.environment import ImageEnvironment
from slipway.dockerd.images.import_tar import import_tar

STEP: Final = 512 * 1024  # bytes between two messages of progress, as the original


async def import_url(
    environment: ImageEnvironment, source: str, *, name: str, changes: Sequence[str], message: str
) -> AsyncIterator[dict[str, Any]]:
    """Progress messages, then the image's id. Raises before the first one when the server does not answer well.

    A source without a scheme is http's.
    """
    config_from_changes(changes)  # what is wrong with them is said before anything is fetched
    url = source if "://" in source else f"http://{source}"
    async with open_download(url) as download:
        yield {"status": f"Downloading from {url}"}
        counted = _Counted(download)
        work = asyncio.get_running_loop().create_task(
            _import(environment, counted, name=name, changes=changes, message=message or f"Imported from {url}"),
            name=f"import of {url}",
        )
        try:
            while (count := await counted.steps.get()) is not None:
                yield {"status": "Importing", "progressDetail": {"current": count, "total": download.total}}
            yield {"status": await work}
        finally:
            await cancel_quietly(work)


class _Counted:
    """A download that tells how far it is; None in `steps` is the end of everything."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._count = self._told = 0
        self.steps: asyncio.Queue[int | None] = asyncio.Queue()

    async def read(self) -> bytes:
        data = await self._download.read()
        self._count += len(data)
        if self._count - self._told >= STEP or (not data and self._count > self._told):
            self._told = self._count
            self.steps.put_nowait(self._count)
        return data


async def _import(
    environment: ImageEnvironment, counted: _Counted, *, name: str, changes: Sequence[str], message: str
) -> str:
    try:
        return await import_tar(environment, counted.read, name=name, changes=changes, message=message)
    finally:
        counted.steps.put_nowait(None)
