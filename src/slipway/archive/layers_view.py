"""Layers shown as one tree that is mounted nowhere: nothing of it is seen, or writable, by anybody else."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from slipway.linux.mount_flags import MOUNT_ATTR_RDONLY
from slipway.linux.mounts import new_filesystem

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def joined_layers(folders: Sequence[str]) -> Iterator[int]:
    """A descriptor of the root of the tree that `folders`, the upmost first, make up. Closing it unmounts.

    Blocks on the disk; raises OSError.
    """
    with ExitStack() as stack:
        layers = []
        for folder in folders:
            layers.append(os.open(folder, FOLDER))
            stack.callback(os.close, layers[-1])
        if len(layers) > 1:
            # By descriptor: fsconfig(2) takes 255 bytes of one option, and kernels before 6.8 want all layers in one.
            names = [f"/proc/self/fd/{layer}" for layer in layers]
            joined = ":".join(names)
            one_by_one: list[tuple[str, str | None]] = [("lowerdir+", name) for name in names]
            options = [("lowerdir", joined)] if len(joined) < 256 else one_by_one
            layers.append(new_filesystem("overlay", "overlay", [*options], MOUNT_ATTR_RDONLY))
            stack.callback(os.close, layers[-1])
        yield layers[-1]
