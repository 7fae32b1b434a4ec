"""Volumes on disk: DATA_ROOT/volumes/NAME/{_data, volume.json}. A folder without volume.json is a rest.

What is being removed has another name meanwhile: the volume's own is free for a new one, whose tree nobody walks.
"""

import asyncio
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Final

import orjson

from slipway.archive.remove import remove_name
from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.files import read_whole, write_atomically
from slipway.dockerd.events.interface import Events
from slipway.dockerd.volumes.model import ANONYMOUS_LABEL, Volume
from slipway.dockerd.volumes.usage import volume_size

log = logging.getLogger(__name__)

_REMOVING: Final = ".removing-"  # no volume's name begins so
_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


class VolumeStore:
    """Implements `Volumes`. The index is in memory; `load` fills it."""

    def __init__(self, root: str, now: Callable[[], int], events: Events) -> None:
        self._root = root
        self._now = now
        self._events = events
        self._volumes: dict[str, Volume] = {}
        self._holders: dict[str, int] = {}  # by name: how many containers that are being made are to have it

    def load(self) -> None:
        """Read what is there. Blocks; call it once, before anything else."""
        os.makedirs(self._root, mode=0o701, exist_ok=True)
        for name in os.listdir(self._root):
            folder = f"{self._root}/{name}"
            try:
                document = orjson.loads(read_whole(f"{folder}/volume.json"))
                self._volumes[name] = Volume(name=name, mountpoint=f"{folder}/_data", **document)
            except (OSError, ValueError, TypeError):
                continue

    async def finish_removals(self) -> None:
        """Remove what a crash, or a fault of the disk, left of removals. Raises OSError where it cannot be."""
        for name in await asyncio.to_thread(os.listdir, self._root):
            if name.startswith(_REMOVING):
                await asyncio.to_thread(_remove_tree, self._root, name)

    async def create(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        driver: str = "",
        held: ExitStack | None = None,
    ) -> Volume:
        """See `Volumes`."""
        if not name:
            name, labels = secrets.token_hex(32), {**(labels or {}), ANONYMOUS_LABEL: ""}
        if driver not in ("", "local"):
            raise NotFound(f'create {name}: error looking up volume plugin {driver}: plugin "{driver}" not found')
        if (known := self._volumes.get(name)) is not None:
            self._hold(name, held)
            return known
        if not _NAME.fullmatch(name) or len(name) > 255:
            raise InvalidArgument(
                f'create {name}: "{name}" includes invalid characters for a local volume name, only '
                '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'
            )
        if options:
            raise InvalidArgument(f"create {name}: options of the local driver are not supported by this engine")
        volume = Volume(
            name=name, mountpoint=f"{self._root}/{name}/_data", created=self._now(), labels=labels, options=options
        )
        self._volumes[name] = volume
        self._hold(name, held)
        try:
            await asyncio.to_thread(_make, volume)
        except BaseException:
            self._volumes.pop(name, None)
            raise
        self._events.publish("volume", "create", name, {"driver": "local"})
        return volume

    def get(self, name: str) -> Volume:
        """See `Volumes`."""
        if (volume := self._volumes.get(name)) is None:
            raise NotFound(f"get {name}: no such volume")
        return volume

    async def size(self, name: str) -> int:
        """See `Volumes`."""
        return await asyncio.to_thread(volume_size, self.get(name).mountpoint)

    def list(self) -> list[Volume]:
        """See `Volumes`."""
        return [self._volumes[name] for name in sorted(self._volumes)]

    def is_held(self, name: str) -> bool:
        """See `Volumes`."""
        return name in self._holders

    def _hold(self, name: str, held: ExitStack | None) -> None:
        if held is not None:
            self._holders[name] = self._holders.get(name, 0) + 1
            held.callback(self._let_go, name)

    def _let_go(self, name: str) -> None:
        self._holders[name] -= 1
        if not self._holders[name]:
            del self._holders[name]

    async def remove(self, name: str) -> None:
        """See `Volumes`."""
        volume = self.get(name)
        aside = _set_aside(volume)
        del self._volumes[name]
        if aside:
            await asyncio.to_thread(_remove_tree, self._root, aside)
        self._events.publish("volume", "destroy", name, {"driver": "local"})

    async def prune(self, names: Iterable[str], is_used: Callable[[str], bool]) -> Sequence[str]:
        """See `Volumes`."""
        removed = []
        for name in names:
            if is_used(name) or self.is_held(name):
                continue
            try:
                await self.remove(name)
            except NotFound:
                continue  # somebody else removed it
            except OSError as error:
                log.warning("a volume cannot be removed: %s", error, extra={"fields": {"name": name}})
                continue
            removed.append(name)
        self._events.publish("volume", "prune", "", {"reclaimed": "0"})
        return removed


def _make(volume: Volume) -> None:
    """Blocks on the disk. A crash leaves a rest without volume.json, which a later creation takes over."""
    folder = os.path.dirname(volume.mountpoint)
    os.makedirs(folder, mode=0o701, exist_ok=True)
    with suppress(FileExistsError):
        os.mkdir(volume.mountpoint, 0o755)
    document = {"created": volume.created, "labels": volume.labels, "options": volume.options}
    write_atomically(f"{folder}/volume.json", orjson.dumps(document))


def _set_aside(volume: Volume) -> str:
    """The name of the volume's folder from now on; empty where somebody has removed it by hand."""
    folder = os.path.dirname(volume.mountpoint)
    aside = f"{_REMOVING}{secrets.token_hex(8)}"
    try:
        os.rename(folder, f"{os.path.dirname(folder)}/{aside}")
    except FileNotFoundError:
        return ""
    return aside


def _remove_tree(root: str, name: str) -> None:
    """Blocks on the disk. A tree may be deeper than Python's stack and than a path is long."""
    volumes = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_name(volumes, os.fsencode(name))
    finally:
        os.close(volumes)
