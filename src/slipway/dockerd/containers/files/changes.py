"""`docker diff`: what a container has changed in the files of its image."""

import asyncio
import os
import secrets
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from slipway.archive.layers_view import FOLDER, joined_layers
from slipway.archive.tree_difference import Kind, differences
from slipway.base.errors import EngineError, InternalError
from slipway.contracts.containerd_api.types import Mount
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.files.rootfs_files import layer_folders

# What the engine puts into every container is no change of the container's. The runtime makes most of it.
OWN: Final = {
    **dict.fromkeys(("/dev", "/dev/pts", "/dev/shm", "/proc", "/sys", "/etc"), stat.S_IFDIR),
    **dict.fromkeys(("/.dockerenv", "/dev/console"), stat.S_IFREG),
    **dict.fromkeys(("/etc/hosts", "/etc/hostname", "/etc/resolv.conf"), stat.S_IFREG),
    "/etc/mtab": stat.S_IFLNK,
}
# These are there from the beginning (own_files.py): that they are missing is a change.
FROM_THE_BEGINNING: Final = ("/.dockerenv", "/etc/mtab")


async def changes(environment: ContainerEnvironment, container: Container) -> list[dict[str, Any]]:
    """`[{"Path": "/etc/group", "Kind": 2}]`, by path."""
    snapshots = environment.containerd.snapshots
    mounts = container.mounts or await snapshots.mounts(container.id)
    async with _image_view(environment, container.id) as image:
        try:
            found = await asyncio.to_thread(_compare, layer_folders(image), mounts)
        except OSError as error:
            # Not the path: what is too long is in the sentence otherwise.
            sentence = f"compare the files of container {container.id} with its image: {error.strerror}"
            raise InternalError(sentence) from error
    return [{"Path": _text(path), "Kind": int(found[path])} for path in sorted(found)]


@asynccontextmanager
async def _image_view(environment: ContainerEnvironment, container_id: str) -> AsyncIterator[Sequence[Mount]]:
    """The snapshot below the container's own, shown read-only. A crash leaves a view, which containerd collects."""
    snapshots = environment.containerd.snapshots
    key = f"{container_id}-changes-{secrets.token_hex(4)}"
    parent = await snapshots.parent(container_id)
    try:
        yield await snapshots.view(key, parent, {})
    finally:
        with suppress(EngineError):  # the collector may have been first
            await snapshots.remove(key)


def _compare(image: Sequence[str], mounts: Sequence[Mount]) -> dict[str, Kind]:
    """Blocks on the disk."""
    with joined_layers(image) as before:
        after = os.open(layer_folders(mounts)[0], FOLDER)
        try:
            found = differences(before, after, is_upper=mounts[0].type == "overlay", expected=OWN)
            for path in FROM_THE_BEGINNING:
                folder = os.path.dirname(path)
                if _lacks(before, path) and _lacks(after, path) and not _lacks(before, folder):
                    found[path] = Kind.DELETED
                    found.setdefault(folder, Kind.CHANGED)
            found.pop("/", None)
        finally:
            os.close(after)
    return found


def _lacks(root: int, path: str) -> bool:
    """Also when a folder above it is a link: the answer is about the path itself."""
    try:
        os.lstat(path.lstrip("/") or ".", dir_fd=root)
    except OSError:
        return True
    return False


def _text(path: str) -> str:
    """JSON has only Unicode: other bytes show as the replacement character, as the original shows them."""
    return os.fsencode(path).decode("utf-8", "replace")
