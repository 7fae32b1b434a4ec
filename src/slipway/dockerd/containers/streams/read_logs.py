"""`docker logs`: from the files, in a thread, and on with what is written while somebody follows."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

from slipway.base.errors import NotImplementedByEngine
from slipway.base.timestamps import NANOSECONDS, rfc3339_from_nanoseconds
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.streams.attach import frame
from slipway.dockerd.logs.interface import Logs
from slipway.dockerd.logs.model import Entry, Selection

ENTRIES_AT_ONCE: Final = 512
LOOK_SECONDS: Final = 1.0  # a follower looks this often even if nobody told it of new lines


def check_logs(container: Container) -> None:
    """Raises NotImplementedByEngine for a driver that keeps nothing."""
    if container.record.host_config.log_config.type == "none":
        raise NotImplementedByEngine("configured logging driver does not support reading")


def replay(logs: Logs, path: str, streams: frozenset[str]) -> list[Entry]:
    """Everything of a log at once, for `attach --logs`. Blocks on the disk."""
    return [entry for entry, _ in logs.entries(path, Selection(streams=streams))]


async def read_logs(
    environment: ContainerEnvironment, container: Container, selection: Selection, *, timestamps: bool, details: bool
) -> AsyncIterator[bytes]:
    """The answer's bytes. Follows until the container ends; then what is left is sent and it ends, too."""
    path = environment.store.log_path(container.id)
    multiplexed = not container.record.config.tty
    news = _News(container, selection) if selection.follow else None
    reader = await asyncio.to_thread(environment.logs.reader, path, selection)
    try:
        while True:
            last = news is None or news.is_over()
            while found := await asyncio.to_thread(reader.read_more, ENTRIES_AT_ONCE):
                yield b"".join(
                    _bytes(entry, attributes, multiplexed=multiplexed, timestamps=timestamps, details=details)
                    for entry, attributes in found
                )
            if last or reader.ended or _is_past(environment, selection):
                return
            assert news is not None
            await news.wait()
    finally:
        reader.close()
        if news is not None:
            news.close()


class _News:
    """Wakes a follower when the container prints or ends."""

    def __init__(self, container: Container, selection: Selection) -> None:
        self._container = container
        self._wanted = selection.streams
        self._streams = container.streams
        self._subscriber = self._streams.subscribe(selection.streams, drops=True)

    def is_over(self) -> bool:
        """Whether nothing can be written any more. Read the log once again after this."""
        running = self._container.state.status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING)
        if running and self._streams is not self._container.streams:
            self.close()  # it was started again: its streams are new ones
            self._streams = self._container.streams
            self._subscriber = self._streams.subscribe(self._wanted, drops=True)
        return not running

    async def wait(self) -> None:
        try:
            await asyncio.wait_for(self._subscriber.read(), LOOK_SECONDS)
        except TimeoutError:
            return

    def close(self) -> None:
        self._streams.unsubscribe(self._subscriber)


def _is_past(environment: ContainerEnvironment, selection: Selection) -> bool:
    return bool(selection.until) and environment.clock.now() >= selection.until


def _bytes(entry: Entry, attributes: dict[str, str], *, multiplexed: bool, timestamps: bool, details: bool) -> bytes:
    line = entry.line
    if details:
        words = ",".join(f"{quote(name)}={quote(value)}" for name, value in sorted(attributes.items()))
        line = f"{words} ".encode() + line
    if timestamps:
        line = f"{_padded_time(entry.time)} ".encode() + line
    return frame(entry.stream, line) if multiplexed else line


def _padded_time(nanoseconds: int) -> str:
    """RFC 3339 with all nine digits, as `logs --timestamps` shows it."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    return f"{rfc3339_from_nanoseconds(seconds * NANOSECONDS)[:-1]}.{fraction:09d}Z"
