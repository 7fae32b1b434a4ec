"""What containerd's transfer service asks of a registry: to read a repository, and to write into one."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from slipway.base.references import Reference
from slipway.clients.registry.model import Body
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


class Outcome(StrEnum):
    """What became of a push: bytes went over, they were there, or the registry took them from a sister repository."""

    SENT = "sent"
    EXISTS = "exists"
    MOUNTED = "mounted"


class Uploads(Protocol):
    """One repository that is written to, at the one host that takes its images. Calls may overlap.

    Every call raises Unauthenticated, PermissionDenied, NotFound, Unavailable (the host does not answer, or has failed
    a few times in a row), InvalidArgument (it refuses the content, or breaks the protocol); the message names what was
    pushed, and what the registry says. Whatever the body raises comes through.
    """

    async def push_blob(self, target: Descriptor, body: Body, mount_from: str = "") -> Outcome:
        """Have the blob in the repository. `mount_from` names another repository of this registry that has it.

        The body is opened only if the registry needs the bytes; again from its beginning, if the connection broke.
        """
        ...

    async def push_manifest(self, target: Descriptor, data: bytes, tag: str = "") -> Outcome:
        """Have a manifest or index in the repository, under `tag` if there is one. What it names is there already."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...
