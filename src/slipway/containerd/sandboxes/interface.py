"""What others ask of sandboxes: their records, and the contract of a controller."""

from collections.abc import Sequence
from typing import Protocol

from slipway.containerd.metadata.model import Scope
from slipway.containerd.sandboxes.model import (
    Sandbox,
    SandboxEnd,
    SandboxInstance,
    SandboxMetric,
    SandboxRequest,
    SandboxStatus,
)
from slipway.contracts.containerd_api.types import Platform


class SandboxReader(Protocol):
    def get(self, scope: Scope, sandbox_id: str) -> Sandbox:
        """Raises NotFound. Blocks on the database: call it from a thread."""
        ...


class SandboxController(Protocol):
    """Who runs sandboxes, whatever one is. Records are the store's: a controller needs none.

    A crash of ours leaves what runs running; it is found again at the next start.
    """

    async def create(self, scope: Scope, sandbox: Sandbox, request: SandboxRequest) -> None:
        """Raises AlreadyExists while it runs, InvalidArgument (no runtime), and what launcher and shim raise; then
        nothing is left of it."""
        ...

    async def start(self, scope: Scope, sandbox_id: str) -> SandboxInstance:
        """Raises NotFound, and what the shim raises; then nothing is left of it."""
        ...

    async def platform(self, scope: Scope, sandbox_id: str) -> Platform:
        """What containers in it must be made for. Raises NotFound."""
        ...

    async def stop(self, scope: Scope, sandbox_id: str, seconds: int) -> None:
        """End what runs in it; one that is not there is stopped. `seconds` 0 is the shim's own patience."""
        ...

    async def wait(self, scope: Scope, sandbox_id: str) -> SandboxEnd:
        """Returns at its end. Raises NotFound."""
        ...

    async def status(self, scope: Scope, sandbox_id: str, *, verbose: bool) -> SandboxStatus:
        """One that is not there has ended just now, as with the original."""
        ...

    async def shutdown(self, scope: Scope, sandbox_id: str) -> None:
        """Let it go with all that is its. Raises NotFound, and FailedPrecondition while it has containers."""
        ...

    async def metrics(self, scope: Scope, sandbox_id: str) -> SandboxMetric:
        """Raises NotFound."""
        ...

    async def update(self, scope: Scope, sandbox: Sandbox, fields: Sequence[str]) -> None:
        """Tell it of a changed record. Raises NotFound."""
        ...
