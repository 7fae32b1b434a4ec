"""Snapshots as whole copies: <root>/snapshots/ID is the tree. For where there is no overlayfs; slow and large."""

import os

from slipway.archive.copy import copy_tree
from slipway.containerd.snapshots.layout import SnapshotFolder
from slipway.containerd.snapshots.model import SnapshotKind
from slipway.contracts.containerd_api.types import Mount


class NativeLayout:
    """An active snapshot copies its parent when it is prepared; a view shows its parent itself, read-only."""

    name = "native"
    is_independent = False
    copies_parents = True

    def fill(self, folder: SnapshotFolder) -> None:
        os.chmod(folder.path, 0o755)
        if folder.parents and folder.kind is SnapshotKind.ACTIVE:
            copy_tree(folder.parents[0], folder.path)

    def mounts(self, folder: SnapshotFolder) -> tuple[Mount, ...]:
        shows_parent = folder.kind is SnapshotKind.VIEW and bool(folder.parents)
        source = folder.parents[0] if shows_parent else folder.path
        mode = "rw" if folder.kind is SnapshotKind.ACTIVE else "ro"
        return (Mount(type="bind", source=source, options=("rbind", mode)),)

    def layer_mounts(self, folder: SnapshotFolder) -> tuple[Mount, ...]:
        return self.mounts(folder)

    def rebase(self, folder: SnapshotFolder) -> None:
        raise AssertionError("layers of native snapshots are unpacked one upon the other")

    def mend(self, folder: SnapshotFolder) -> bool:
        return False  # of the copy there may be any part

    def content(self, path: str) -> str:
        return path
