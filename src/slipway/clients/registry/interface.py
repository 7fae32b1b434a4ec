"""What containerd's transfer service asks of a registry."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from slipway.base.references import Reference
from slipway.contracts.containerd_api.types import Descriptor


class Repository(Protocol):
    """One repository, asked through the best host that answers. Calls may overlap.

    Every call raises NotFound, Unauthenticated, PermissionDenied, Unavailable (no host answers), InvalidArgument (the
    answer breaks the protocol); the message names what was asked for.
    """

    async def resolve(self, reference: Reference) -> Descriptor:
        """The manifest or index that a tag or digest names. Costs one HEAD, or one GET where HEAD tells no digest."""
        ...

    async def manifest(self, target: Descriptor) -> bytes:
        """The bytes of a manifest or index: verified against digest and size, 8 MiB at most."""
        ...

    def blob(self, target: Descriptor, offset: int = 0) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of a blob from `offset` on, never more than its size; a broken connection is resumed.

        Not verified: the content store does that when it commits.
        """
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...
