"""A snapshotter: its contract. Every method blocks on files or on the database: call it from a thread."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.model import SnapshotInfo, SnapshotUsage
from slipway.contracts.containerd_api.types import Mount


class Snapshotter(Protocol):
    """Layers of one kind (`name`: overlayfs, native). Keys belong to a namespace: two namespaces may use the same key.

    Kinds: *active* (writable, made by prepare), *view* (read-only), *committed* (a parent for others; its `name` is the
    commit's name). Rows are held by the scope's lease in the same transaction that makes them. A crash between file
    system
    and row leaves a directory without a row, which `cleanup` removes, never a row without its directory.
    """

    name: str

    def prepare(
        self, scope: Scope, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Mount, ...]:
        """Make a writable snapshot on the committed `parent` (empty: on nothing); returns the mounts that show it.

        Raises AlreadyExists for a taken key, and where the label `containerd.io/snapshot.ref` names a snapshot that is
        there; NotFound for an absent parent, InvalidArgument for a parent that is not committed.
        """
        ...

    def view(
        self, scope: Scope, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Mount, ...]:
        """As `prepare`, but read-only: it cannot be committed."""
        ...

    def mounts(self, scope: Scope, key: str) -> tuple[Mount, ...]:
        """The mounts of an active snapshot or a view. Raises NotFound, FailedPrecondition (a committed one)."""
        ...

    def commit(self, scope: Scope, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        """Turn the active `key` into the committed `name`; the key is gone afterwards.

        Raises NotFound, AlreadyExists (name taken), FailedPrecondition (not active).
        """
        ...

    def remove(self, scope: Scope, key: str) -> None:
        """Forget a snapshot, by key or name; its directory goes with the next cleanup. Raises NotFound, and
        FailedPrecondition while it has children."""
        ...

    def stat(self, scope: Scope, key: str) -> SnapshotInfo:
        """Raises NotFound."""
        ...

    def update(self, scope: Scope, key: str, labels: Mapping[str, str], fields: Iterable[str] = ()) -> SnapshotInfo:
        """Change labels, with `fields` as in ContentStore.update. Raises NotFound, InvalidArgument."""
        ...

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> list[SnapshotInfo]:
        """All snapshots of the namespace that one of the filters matches (no filter: all), by key."""
        ...

    def usage(self, scope: Scope, key: str) -> SnapshotUsage:
        """Bytes and inodes of this snapshot alone, without its parents. Raises NotFound."""
        ...

    def cleanup(self) -> None:
        """Remove directories that no row of any namespace names. Called after a collection, never with a request
        waiting."""
        ...
