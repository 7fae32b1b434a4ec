"""What transfers work on: the daemon's stores, as this noun needs them."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final, Protocol
from weakref import WeakValueDictionary

from slipway.base.clock import Clock
from slipway.base.errors import NotFound
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.diff.interface import Differ
from slipway.containerd.images.interface import ImageStore as ImageRows
from slipway.containerd.leases.model import Lease
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.contracts.containerd_api.types import Platform

# A transfer that a crash ended holds its content no longer than this, as the original's.
LEASE_SECONDS: Final = 24 * 3600
_EXPIRE_LABEL: Final = "containerd.io/gc.expire"
# Of the leases of this daemon's own transfers, which end with it: a new daemon ends those that an old one left.
TRANSFER_LABEL: Final = "io.slipway.transfer"


class Leases(Protocol):
    """What keeps the content of a transfer while no image names it."""

    def create(self, scope: Scope, lease: Lease) -> Lease: ...

    def delete(self, scope: Scope, lease_id: str) -> None: ...


class KeyedLocks:
    """One lock per key, for as long as somebody has it or waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[object, int] = {}
        self._locks: dict[object, threading.Lock] = {}

    @contextmanager
    def hold(self, key: object) -> Iterator[None]:
        with self._lock:
            self._users[key] = self._users.get(key, 0) + 1
            lock = self._locks.setdefault(key, threading.Lock())
        try:
            with lock:
                yield
        finally:
            with self._lock:
                self._users[key] -= 1
                if not self._users[key]:
                    del self._users[key], self._locks[key]


@dataclass(frozen=True, kw_only=True)
class Stores:
    """`platform` is the machine's own. `unpacking` lets one transfer at a time make one snapshot, `fetching` fetch one
    blob: whoever comes second finds it there."""

    content: ContentStore
    images: ImageRows
    snapshotters: Mapping[str, Snapshotter]
    default_snapshotter: str
    differ: Differ
    leases: Leases
    platform: Platform
    clock: Clock
    unpacking: KeyedLocks = field(default_factory=KeyedLocks)
    fetching: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @contextmanager
    def leased(self, scope: Scope, name: str) -> Iterator[Scope]:
        """The scope with a lease that holds what is made in it: the caller's own, or one that ends with the block.

        `name` must be new. Blocks on the database.
        """
        if scope.lease:
            yield scope
            return
        expires = rfc3339_from_nanoseconds(self.clock.now() + LEASE_SECONDS * 1_000_000_000)
        self.leases.create(scope, Lease(id=name, labels={_EXPIRE_LABEL: expires, TRANSFER_LABEL: "yes"}))
        try:
            yield replace(scope, lease=name)
        finally:
            with suppress(NotFound):  # it expired, or was deleted by hand
                self.leases.delete(scope, name)
