"""What other nouns ask of leases: that what they have just made stays."""

import sqlite3
from typing import Protocol

from slipway.containerd.metadata.model import Scope


class LeaseHolder(Protocol):
    """Ties an object to the lease of the call that made it."""

    def release(self, connection: sqlite3.Connection, scope: Scope, kind: str, identifier: str) -> None:
        """Take what is being deleted from `scope.lease` again, where there is one that holds it."""
        ...

    def hold(self, connection: sqlite3.Connection, scope: Scope, kind: str, identifier: str) -> None:
        """Add the object to `scope.lease`, inside the caller's own write transaction.

        `kind` is "content", "ingests" or "snapshots/NAME" (the snapshotter's name). Without a lease in the scope
        nothing happens; adding twice is adding once. Raises NotFound when the lease does not exist: the caller's write
        then must not happen either.
        """
        ...
