"""What makes a kind of snapshotter: what is in its directories, and which mounts show it."""

from dataclasses import dataclass
from typing import Protocol

from slipway.containerd.snapshots.model import SnapshotKind
from slipway.contracts.containerd_api.types import Mount


@dataclass(frozen=True, slots=True)
class SnapshotFolder:
    """A snapshot's own directory, and those of its parents, nearest first."""

    path: str
    kind: SnapshotKind
    parents: tuple[str, ...] = ()


class Layout(Protocol):
    """`is_independent`: an active snapshot can be filled before it has its parents. `copies_parents`: an active one has
    them in its own directory."""

    name: str
    is_independent: bool
    copies_parents: bool

    def fill(self, folder: SnapshotFolder) -> None:
        """Make what an empty directory needs for a snapshot of its kind on its parents. Raises OSError."""
        ...

    def rebase(self, folder: SnapshotFolder) -> None:
        """Do what `fill` would have done, had it known the parents. Raises OSError."""
        ...

    def mend(self, folder: SnapshotFolder) -> bool:
        """Make what a power cut may have taken of an active snapshot or a view; False where only a new one helps."""
        ...

    def mounts(self, folder: SnapshotFolder) -> tuple[Mount, ...]: ...

    def layer_mounts(self, folder: SnapshotFolder) -> tuple[Mount, ...]:
        """As `mounts`, of an active one without parents that will get some."""
        ...

    def content(self, path: str) -> str:
        """The tree of a snapshot, without its parents, below its directory."""
        ...
