"""The processes behind tasks and sandboxes: a shim is launched for a bundle, and what is left of both is removed."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from slipway.base.errors import EngineError
from slipway.clients.shim.interface import Bootstrap, DeadShim, ShimLauncher, ShimRequest
from slipway.containerd.containers.model import TypedValue
from slipway.containerd.tasks.bundle import Bundle, BundleFolders
from slipway.containerd.tasks.model import any_from_typed
from slipway.containerd.tasks.shim_log import ShimLogs
from slipway.wire.protobuf import encode

# What the original reports for whatever a shim held that died without a word.
STATUS_UNKNOWN: Final = 255


class ShimProcesses:
    """Those of one kind of bundle. `what` is what `log` calls one of them; `address` is containerd's gRPC socket."""

    def __init__(
        self, launcher: ShimLauncher, bundles: BundleFolders, address: str, log: logging.Logger, what: str
    ) -> None:
        self._launcher = launcher
        self._bundles = bundles
        self._address = address
        self._log = log
        self._what = what
        self._logs = ShimLogs()

    def request(self, bundle: Bundle, runtime: str, options: TypedValue | None = None) -> ShimRequest:
        """What a shim is launched with, and cleaned up after with."""
        return ShimRequest(
            namespace=bundle.namespace,
            id=bundle.id,
            bundle=bundle.path,
            address=self._address,
            ttrpc_address=f"{self._address}.ttrpc",
            runtime=runtime,
            options=encode(any_from_typed(options)) if options else b"",
            debug=self._log.isEnabledFor(logging.DEBUG),
        )

    def read_log(self, bundle: Bundle, request: ShimRequest) -> None:
        """Pass on what a shim says, from before it is launched until its bundle is removed. Raises OSError."""
        self._logs.open(bundle, request.runtime)

    async def launch(self, request: ShimRequest) -> Bootstrap:
        """Raises what the launcher raises; see ShimLauncher."""
        return await self._launcher.launch(request)

    @asynccontextmanager
    async def removed_on_failure(self, bundle: Bundle) -> AsyncIterator[None]:
        """While no shim has been launched for a bundle."""
        try:
            yield
        except BaseException:
            await self.remove(bundle)
            raise

    @asynccontextmanager
    async def cleaned_up_on_failure(self, bundle: Bundle, request: ShimRequest) -> AsyncIterator[None]:
        """From the launch on, until somebody keeps the shim."""
        try:
            yield
        except BaseException:
            await self.clean_up(bundle, request)
            raise

    async def clean_up(self, bundle: Bundle, request: ShimRequest) -> DeadShim | None:
        """Have the remains of a shim removed: by its own `delete`, then the bundle. What fails is logged.

        Returns what `delete` found out; None where it failed.
        """
        dead = None
        fields = {"id": bundle.id}
        try:
            dead = await self._launcher.delete(request)
        except EngineError as error:
            self._log.warning("clean up after %s failed", self._what, extra={"fields": fields | {"error": error}})
        try:
            await self.remove(bundle)
        except EngineError as error:
            self._log.warning("remove bundle failed", extra={"fields": fields | {"error": error}})
        return dead

    async def remove(self, bundle: Bundle) -> None:
        """Raises FailedPrecondition when the root file system cannot be freed."""
        self._logs.close(bundle)
        await asyncio.to_thread(self._bundles.remove, bundle)

    def close(self) -> None:
        """Read no log any more. Shims live on."""
        self._logs.close_all()
