"""Snapshots as layers of overlayfs: <root>/snapshots/ID/{fs,work}, mounted one upon the other."""

import errno
import os
import tempfile
from contextlib import suppress

from slipway.containerd.snapshots.layout import SnapshotFolder
from slipway.containerd.snapshots.model import SnapshotKind
from slipway.contracts.containerd_api.types import Mount
from slipway.linux.mounts import new_filesystem


class OverlayLayout:
    """`index` tells whether the kernel has that option: it must be off, as lower directories are shared. `options` are
    the administrator's own, added to each mount."""

    name = "overlayfs"
    is_independent = True
    copies_parents = False

    def __init__(self, *, index: bool, options: tuple[str, ...] = ()) -> None:
        self._options = (*(("index=off",) if index else ()), *options)

    def fill(self, folder: SnapshotFolder) -> None:
        content = self.content(folder.path)
        os.mkdir(content, 0o755)
        os.chmod(content, 0o755)  # whatever the umask took
        if folder.kind is SnapshotKind.ACTIVE:
            os.mkdir(f"{folder.path}/work", 0o711)
        if folder.parents:
            self.rebase(folder)

    def rebase(self, folder: SnapshotFolder) -> None:
        """The root of the tree keeps the owner and mode that its image gave it."""
        content, found = self.content(folder.path), os.stat(self.content(folder.parents[0]))
        os.chown(content, found.st_uid, found.st_gid)
        os.chmod(content, found.st_mode & 0o7777)

    def mend(self, folder: SnapshotFolder) -> bool:
        """What a container wrote is its own: it stays, as far as the disk has it."""
        if not os.path.isdir(self.content(folder.path)):
            return False
        if folder.kind is SnapshotKind.ACTIVE:
            with suppress(FileExistsError):
                os.mkdir(f"{folder.path}/work", 0o711)
        return True

    def mounts(self, folder: SnapshotFolder) -> tuple[Mount, ...]:
        """A bind where there is one directory only: overlayfs wants two."""
        writable = folder.kind is SnapshotKind.ACTIVE
        if not folder.parents:
            return (_bind(self.content(folder.path), writable=writable),)
        if not writable and len(folder.parents) == 1:
            return (_bind(self.content(folder.parents[0]), writable=False),)
        upper = (f"workdir={folder.path}/work", f"upperdir={self.content(folder.path)}") if writable else ()
        lower = f"lowerdir={':'.join(map(self.content, folder.parents))}"
        return (Mount(type="overlay", source="overlay", options=(*upper, lower, *self._options)),)

    def layer_mounts(self, folder: SnapshotFolder) -> tuple[Mount, ...]:
        """An overlay with nothing below: what a layer deletes is marked, whatever it will lie upon."""
        upper = (f"workdir={folder.path}/work", f"upperdir={self.content(folder.path)}")
        return (Mount(type="overlay", source="overlay", options=upper),)

    def content(self, path: str) -> str:
        return f"{path}/fs"


def has_index_option() -> bool:
    """Whether the loaded overlayfs knows `index`; asked after the first mount, which loads the module."""
    return os.path.exists("/sys/module/overlay/parameters/index")


def why_not_overlay(root: str) -> str:
    """Why overlayfs cannot serve below `root`; empty when it can. A mount is made, attached nowhere, and dropped."""
    os.makedirs(root, mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="check-") as scratch:
        descriptors = []
        try:
            options: list[tuple[str, str | None]] = []
            for name in ("lowerdir", "upperdir", "workdir"):
                os.mkdir(f"{scratch}/{name}")
                descriptors.append(os.open(f"{scratch}/{name}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
                # fsconfig takes 255 bytes: less than a path may have.
                options.append((name, f"/proc/self/fd/{descriptors[-1]}"))
            os.close(new_filesystem("overlay", "overlay", options, 0))
        except OSError as error:
            return "the kernel has no overlayfs" if error.errno == errno.ENODEV else str(error)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
    return ""


def _bind(source: str, *, writable: bool) -> Mount:
    return Mount(type="bind", source=source, options=("rw" if writable else "ro", "rbind"))
