"""Where the task of a container goes that belongs to a sandbox: into the sandbox's shim, if that can take it."""

import asyncio
from typing import Final, Protocol

from slipway.base.errors import InvalidArgument, NotFound
from slipway.clients.shim.interface import Bootstrap
from slipway.containerd.metadata.model import Scope
from slipway.containerd.sandboxes.interface import SandboxReader

# From this version of the task API on a shim is one that takes containers of a sandbox; an older one is asked to start
# another, as the original does, which may well answer with the sandbox's own address.
_SANDBOX_VERSION: Final = 3


class RunningSandboxes(Protocol):
    def bootstrap(self, scope: Scope, sandbox_id: str) -> Bootstrap:
        """Where a sandbox serves tasks. Raises NotFound."""
        ...


class SandboxPlaces:
    def __init__(self, records: SandboxReader, running: RunningSandboxes) -> None:
        self._records = records
        self._running = running

    async def find(self, scope: Scope, sandbox_id: str, told: tuple[str, int]) -> Bootstrap | None:
        """The shim to make a task in; None for one of its own: the container has no sandbox, or one without a record.

        `told` is what the caller says of the place. Raises NotFound for a sandbox that does not run, InvalidArgument.
        """
        if not sandbox_id:
            return None
        try:
            await asyncio.to_thread(self._records.get, scope, sandbox_id)
        except NotFound:
            return None
        address, version = told
        if address:
            place = bootstrap_from_address(address, version)
        else:
            try:
                place = self._running.bootstrap(scope, sandbox_id)
            except NotFound as error:
                raise NotFound(f"find the shim of sandbox {sandbox_id}: it does not run") from error
        return place if place.version >= _SANDBOX_VERSION else None


def bootstrap_from_address(address: str, version: int) -> Bootstrap:
    """From ttrpc+unix:///path. Raises InvalidArgument."""
    protocol, plus, place = address.partition("+")
    if not plus or not place:
        raise InvalidArgument(f"sandbox address {address!r} is not like ttrpc+unix:///path")
    return Bootstrap(address=place, version=version, protocol=protocol)
