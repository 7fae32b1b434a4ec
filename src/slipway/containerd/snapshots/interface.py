"""A snapshotter: its contract. Every method blocks on files or on the database: call it from a thread."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Protocol

from slipway.base.errors import InvalidArgument
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.model import SnapshotInfo, SnapshotUsage
from slipway.contracts.containerd_api.types import Mount


class Snapshotter(Protocol):
    """Layers of one kind (`name`: overlayfs, native, or what the configuration names). Keys belong to a namespace: two
    namespaces may use the same key.

    Kinds: *active* (writable, made by prepare), *view* (read-only), *committed* (a parent for others; its `name` is the
    commit's name). Rows are held by the scope's lease in the same transaction that makes them. A crash between file
    system and row leaves a directory without a row, which `cleanup` removes, never a row without its directory.

    `threads` are those to call it from; None: any. `is_remote`: another process serves it, which may have a layer
    before it is unpacked: `prepare` then makes the snapshot that the label `containerd.io/snapshot.ref` names and
    raises AlreadyExists. `wants_source`: it must be told by labels which image a layer is of. `is_independent`: a layer
    can be filled before its parent is there (`prepare_layer`, then `rebase`).

    After a power cut a snapshot that the disk may not have whole is made again, from content, before anybody sees it;
    what no content makes again is gone, or refused with FailedPrecondition where a snapshot that stays is upon it.
    """

    name: str
    threads: Executor | None
    is_remote: bool
    wants_source: bool
    is_independent: bool

    def prepare(
        self, scope: Scope, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Mount, ...]:
        """Make a writable snapshot on the committed `parent` (empty: on nothing); returns the mounts that show it.

        Raises AlreadyExists for a taken key, NotFound for an absent parent, InvalidArgument for a parent that is not
        committed. A label `containerd.io/snapshot.ref` names the snapshot that it is to become: where that is there
        already, AlreadyExists, and the scope's lease holds it.
        """
        ...

    def prepare_layer(self, scope: Scope, key: str, labels: Mapping[str, str]) -> tuple[Mount, ...]:
        """As `prepare`, for a layer of an image that will get its parent from `rebase`. Only where `is_independent`."""
        ...

    def rebase(self, scope: Scope, key: str, parent: str) -> tuple[Mount, ...]:
        """Put what `prepare_layer` made on the committed `parent`; returns the mounts that show both.

        Raises NotFound, FailedPrecondition.
        """
        ...

    def hold(self, scope: Scope, name: str) -> bool:
        """Whether there is a committed `name`; from then on the scope's lease holds it."""
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

    def infos(self, connection: sqlite3.Connection, namespace: str) -> Iterable[SnapshotInfo]:
        """All snapshots of a namespace, for who decides in the transaction of `connection` which of them go."""
        ...

    def forget(self, connection: sqlite3.Connection, namespace: str, keys: Sequence[str]) -> None:
        """Remove snapshots in the transaction of `connection`: children before their parents, and nothing is upon them.

        Their directories go with the next cleanup.
        """
        ...


def snapshotter_named(snapshotters: Mapping[str, Snapshotter], name: str) -> Snapshotter:
    """Raises InvalidArgument where there is none of that name."""
    found = snapshotters.get(name)
    if found is None:
        raise InvalidArgument(f"snapshotter not loaded: {name}: invalid argument")
    return found


class Layers(Protocol):
    """What snapshots are made of again: layers in the content store, found by what they are called together."""

    def has(self, namespace: str, name: str, parent: str) -> bool:
        """Whether there is content that makes `name` on `parent` (empty: on nothing)."""
        ...

    def fill(self, namespace: str, name: str, parent: str, mounts: Sequence[Mount]) -> None:
        """Unpack it onto `mounts`, which show the parent. Raises NotFound, and what unpacking raises."""
        ...
