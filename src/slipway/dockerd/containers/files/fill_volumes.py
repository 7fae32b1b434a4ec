"""A volume that is empty starts with what the image has at its place, owners and modes included.

The image's layers are joined by an overlay that is mounted nowhere, and the place is resolved inside it by the kernel:
no link of an image leads out of it. Nothing of this is seen, or writable, by anybody else.
"""

import asyncio
import errno
import fcntl
import os
from collections.abc import Sequence
from contextlib import ExitStack

from slipway.archive.copy import copy_tree
from slipway.archive.layers_view import FOLDER, joined_layers
from slipway.base.errors import InternalError
from slipway.contracts.containerd_api.types import Mount
from slipway.contracts.engine_api.mounts import MountPoint
from slipway.dockerd.containers.files.mount_points import WantedMount
from slipway.dockerd.containers.files.rootfs_files import layer_folders
from slipway.linux.resolve import open_in_root


async def fill_volumes(wanted: Sequence[WantedMount], points: Sequence[MountPoint], mounts: Sequence[Mount]) -> None:
    """`points` are those made of `wanted`, in the same order; `mounts` the new container's snapshot.

    Raises InternalError. What was copied before a failure or a crash stays: the volume counts as used then.
    """
    for mount, point in zip(wanted, points, strict=True):
        if mount.copies_image:
            await asyncio.to_thread(_fill, layer_folders(mounts), point)


def _fill(folders: Sequence[str], point: MountPoint) -> None:
    with ExitStack() as stack:
        volume = os.open(os.path.dirname(point.source), FOLDER)
        stack.callback(os.close, volume)
        fcntl.flock(volume, fcntl.LOCK_EX)  # two containers may be made on one new volume
        if os.listdir(point.source):
            return
        try:
            root = stack.enter_context(joined_layers(folders))
            place = open_in_root(root, point.destination, FOLDER)
            stack.callback(os.close, place)
            copy_tree(f"/proc/self/fd/{place}", point.source)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
                sentence = f"copy {point.destination} of the image into volume {point.name}: {error.strerror}"
                raise InternalError(sentence) from error
