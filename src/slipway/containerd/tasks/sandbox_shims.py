"""The controller "shim": a sandbox is a shim that was started for it, and lives until it is shut down.

See sandboxes/interface.SandboxController. Its bundles are beside the tasks', laid out as these are.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from slipway.base.clock import Clock
from slipway.base.errors import (
    AlreadyExists,
    Cancelled,
    EngineError,
    InvalidArgument,
    NotFound,
    NotImplementedByEngine,
    Unavailable,
)
from slipway.clients.shim.interface import Bootstrap, ShimLauncher, ShimRequest
from slipway.clients.shim.sandbox_client import ShimSandboxClient, connect
from slipway.clients.shim.task_client import connect as connect_tasks
from slipway.containerd.containers.model import TypedValue
from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.metadata.model import Scope
from slipway.containerd.sandboxes.interface import SandboxReader
from slipway.containerd.sandboxes.model import (
    Sandbox,
    SandboxEnd,
    SandboxInstance,
    SandboxMetric,
    SandboxRequest,
    SandboxStatus,
)
from slipway.containerd.tasks.bundle import Bundle, BundleFolders, read_bootstrap, read_runtime, write_bootstrap
from slipway.containerd.tasks.lasting_work import LastingWork
from slipway.containerd.tasks.locks import KeyedLocks
from slipway.containerd.tasks.model import any_from_typed
from slipway.containerd.tasks.shim_processes import STATUS_UNKNOWN, ShimProcesses
from slipway.contracts.containerd_api.generated import event_types_pb2 as events
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.shim_api import messages as task
from slipway.contracts.shim_api import sandbox as messages
from slipway.wire.protobuf_known import AnyMessage, TextEntry, nanoseconds_from_timestamp

log = logging.getLogger(__name__)

# The original's timeouts, io.containerd.timeout.shim.{load,shutdown}.
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 2.0
SHUTDOWN_SECONDS: Final = 3.0


class SandboxShim:
    """One that runs. `end` is settled when its shim has gone without being told to; `is_leaving` once it was told."""

    def __init__(self, bundle: Bundle, request: ShimRequest, bootstrap: Bootstrap, client: ShimSandboxClient) -> None:
        self.bundle = bundle
        self.request = request
        self.bootstrap = bootstrap
        self.client = client
        self.is_leaving = False
        self.end: asyncio.Future[SandboxEnd] = asyncio.get_running_loop().create_future()

    @property
    def address(self) -> str:
        return f"{self.bootstrap.protocol}+{self.bootstrap.address}"


class SandboxShims:
    """Sandboxes by namespace and id. Made on the event loop; every coroutine may run beside every other."""

    def __init__(
        self,
        *,
        launcher: ShimLauncher,
        bundles: BundleFolders,
        records: SandboxReader,
        events: EventPublisher,
        clock: Clock,
        address: str,
    ) -> None:
        self._bundles = bundles
        self._records = records
        self._events = events
        self._clock = clock
        self._shims: dict[tuple[str, str], SandboxShim] = {}
        self._locks = KeyedLocks()
        self._processes = ShimProcesses(launcher, bundles, address, log, "the sandbox's shim")
        self._work = LastingWork(log, "a sandbox's work")

    def bootstrap(self, scope: Scope, sandbox_id: str) -> Bootstrap:
        """Where one serves tasks. Raises NotFound."""
        return self._get(scope, sandbox_id).bootstrap

    async def create(self, scope: Scope, sandbox: Sandbox, request: SandboxRequest) -> None:
        if not sandbox.runtime_name:
            raise InvalidArgument(f"create sandbox {sandbox.id}: it has no runtime's name")
        await asyncio.shield(self._work.begin(self._create(scope, sandbox, request)))

    async def start(self, scope: Scope, sandbox_id: str) -> SandboxInstance:
        shim = self._get(scope, sandbox_id)
        try:
            started = await shim.client.start(messages.SandboxRequest(sandbox_id=sandbox_id))
        except EngineError as error:
            await asyncio.shield(self._work.begin(self._end(shim)))
            raise type(error)(f"start sandbox {sandbox_id}: {error.message}", error.hint) from error
        self._events.publish(scope.namespace, "/sandboxes/start", events.SandboxStart(sandbox_id=sandbox_id))
        return SandboxInstance(
            pid=started.pid,
            created_at=nanoseconds_from_timestamp(started.created_at),
            address=shim.address,
            version=shim.bootstrap.version,
        )

    async def platform(self, scope: Scope, sandbox_id: str) -> Platform:
        async with self._asked(scope, sandbox_id) as shim:
            answer = await shim.client.platform(messages.SandboxRequest(sandbox_id=sandbox_id))
        found = answer.platform or messages.Platform()
        return Platform(os=found.os, architecture=found.architecture, variant=found.variant)

    async def stop(self, scope: Scope, sandbox_id: str, seconds: int) -> None:
        try:
            async with self._asked(scope, sandbox_id) as shim:
                await shim.client.stop(messages.StopSandboxRequest(sandbox_id=sandbox_id, timeout_secs=seconds))
        except (NotFound, Unavailable):
            return  # it has gone: that is what was asked for

    async def wait(self, scope: Scope, sandbox_id: str) -> SandboxEnd:
        shim = self._get(scope, sandbox_id)
        try:
            ended = await shim.client.wait(messages.SandboxRequest(sandbox_id=sandbox_id))
        except Unavailable:
            return await shim.end
        end = SandboxEnd(exit_status=ended.exit_status, exited_at=nanoseconds_from_timestamp(ended.exited_at))
        self._tell_end(shim.bundle, end)
        return end

    async def status(self, scope: Scope, sandbox_id: str, *, verbose: bool) -> SandboxStatus:
        request = messages.SandboxRequest(sandbox_id=sandbox_id, verbose=verbose)
        try:
            async with self._asked(scope, sandbox_id) as shim:
                told = await shim.client.status(request)
        except NotFound:
            return SandboxStatus(id=sandbox_id, exited_at=self._clock.now())
        return SandboxStatus(
            id=told.sandbox_id or sandbox_id,
            pid=told.pid,
            state=told.state,
            info={entry.key: entry.value for entry in told.info},
            created_at=nanoseconds_from_timestamp(told.created_at),
            exited_at=nanoseconds_from_timestamp(told.exited_at),
            extra=_typed(told.extra),
            address=shim.address,
            version=shim.bootstrap.version,
        )

    async def shutdown(self, scope: Scope, sandbox_id: str) -> None:
        shim = self._get(scope, sandbox_id)
        await asyncio.shield(self._work.begin(self._shut_down(shim)))

    async def metrics(self, scope: Scope, sandbox_id: str) -> SandboxMetric:
        async with self._asked(scope, sandbox_id) as shim:
            answer = await shim.client.metrics(messages.SandboxRequest(sandbox_id=sandbox_id))
        found = answer.metrics
        if found is None:
            return SandboxMetric()
        return SandboxMetric(
            id=found.id, timestamp=nanoseconds_from_timestamp(found.timestamp), data=_typed(found.data)
        )

    async def update(self, scope: Scope, sandbox: Sandbox, fields: Sequence[str]) -> None:
        """Shims have no call for it: as with the original, the record is all that changes."""
        self._get(scope, sandbox.id)

    async def recover(self) -> None:
        """Find the shims that an earlier daemon left running; clean up after those that died meanwhile."""
        bundles = await asyncio.to_thread(lambda: [*self._bundles.list()])
        async with asyncio.TaskGroup() as group:
            for bundle in bundles:
                group.create_task(self._recover(bundle))

    async def close(self) -> None:
        """Let go of every shim; they live on."""
        for shim in self._shims.values():
            shim.is_leaving = True
            await shim.client.close()
        await self._work.wait()
        self._processes.close()

    async def _create(self, scope: Scope, sandbox: Sandbox, request: SandboxRequest) -> None:
        async with self._locks.hold(scope.namespace, sandbox.id):
            if (scope.namespace, sandbox.id) in self._shims:
                raise AlreadyExists(f"sandbox {sandbox.id} is already running")
            bundle = await asyncio.to_thread(self._bundles.create, scope.namespace, sandbox.id, sandbox.spec.value)
            launch = self._processes.request(bundle, sandbox.runtime_name, sandbox.runtime_options)
            self._processes.read_log(bundle, launch)
            async with self._processes.removed_on_failure(bundle):
                bootstrap = await self._processes.launch(launch)
            async with self._processes.cleaned_up_on_failure(bundle, launch):
                await asyncio.to_thread(write_bootstrap, bundle, bootstrap, launch.runtime)
                shim = await self._connect(bundle, launch, bootstrap)
            await self._create_in(shim, request)
            self._keep(shim)
        self._events.publish(scope.namespace, "/sandboxes/create", events.SandboxCreate(sandbox_id=sandbox.id))

    async def _create_in(self, shim: SandboxShim, request: SandboxRequest) -> None:
        message = messages.CreateSandboxRequest(
            sandbox_id=shim.bundle.id,
            bundle_path=shim.bundle.path,
            rootfs=tuple(
                task.Mount(type=mount.type, source=mount.source, target=mount.target, options=mount.options)
                for mount in request.rootfs
            ),
            options=any_from_typed(request.options) if request.options else None,
            netns_path=request.netns_path,
            annotations=tuple(TextEntry(key=key, value=value) for key, value in request.annotations.items()),
        )
        try:
            await shim.client.create(message)
        except NotImplementedByEngine as error:
            await self._end(shim)
            runtime = shim.request.runtime
            raise NotImplementedByEngine(
                f"create sandbox {shim.bundle.id}: the shim of {runtime} has no sandboxes: {error.message}"
            ) from error
        except EngineError as error:
            await self._end(shim)
            raise type(error)(f"create sandbox {shim.bundle.id}: {error.message}", error.hint) from error
        except BaseException:
            await self._end(shim)
            raise

    async def _shut_down(self, shim: SandboxShim) -> None:
        async with self._locks.hold(shim.bundle.namespace, shim.bundle.id):
            if shim.is_leaving:
                raise NotFound(f"sandbox {shim.bundle.id}: not found")
            await shim.client.shutdown(messages.SandboxRequest(sandbox_id=shim.bundle.id))
            await self._end(shim)

    async def _end(self, shim: SandboxShim) -> None:
        """Have a shim end in whatever way it will, and remove what is left."""
        shim.is_leaving = True
        self._shims.pop((shim.bundle.namespace, shim.bundle.id), None)
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await shim.client.shutdown(messages.SandboxRequest(sandbox_id=shim.bundle.id))
                await shim.client.wait_closed()
        except (TimeoutError, EngineError) as error:
            log.info(
                "the sandbox's shim did not end when asked", extra={"fields": {"id": shim.bundle.id, "error": error}}
            )
            await self._dismiss_by_task_api(shim)
        await shim.client.close()
        await self._processes.clean_up(shim.bundle, shim.request)
        if not shim.end.done():
            shim.end.set_result(SandboxEnd(exit_status=0, exited_at=self._clock.now()))

    async def _dismiss_by_task_api(self, shim: SandboxShim) -> None:
        """A shim that knows no sandboxes ends as one that has no container."""
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                client = await connect_tasks(shim.bootstrap)
                await client.shutdown(task.ShutdownRequest(id=shim.bundle.id))
                await client.close()
        except (TimeoutError, EngineError) as error:
            log.warning("the sandbox's shim did not end", extra={"fields": {"id": shim.bundle.id, "error": error}})

    async def _recover(self, bundle: Bundle) -> None:
        launch = self._processes.request(bundle, await asyncio.to_thread(read_runtime, bundle))
        self._processes.read_log(bundle, launch)
        try:
            shim = await self._connect(bundle, launch, await asyncio.to_thread(read_bootstrap, bundle))
        except (EngineError, TimeoutError) as error:
            log.info("the sandbox's shim is gone", extra={"fields": {"id": bundle.id, "error": error}})
            await self._processes.clean_up(bundle, launch)
            self._tell_end(bundle, SandboxEnd(exit_status=STATUS_UNKNOWN, exited_at=self._clock.now()))
            return
        if await self._holds_sandbox(shim):
            self._keep(shim)
        else:  # we died while it was created
            await self._end(shim)

    async def _holds_sandbox(self, shim: SandboxShim) -> bool:
        """Whether a shim of an earlier daemon is to stay: it says so, or there is a record, or it does not answer."""
        request = messages.SandboxRequest(sandbox_id=shim.bundle.id)
        try:
            if (await shim.client.status(request, timeout=ANSWER_SECONDS)).state:
                return True
            await asyncio.to_thread(self._records.get, Scope(shim.bundle.namespace), shim.bundle.id)
        except Cancelled:
            return True
        except EngineError:
            return False
        return True

    def _keep(self, shim: SandboxShim) -> None:
        self._shims[shim.bundle.namespace, shim.bundle.id] = shim
        self._work.begin(self._watch(shim))

    async def _watch(self, shim: SandboxShim) -> None:
        """When a shim goes that was not told to, remove what it left and tell. Its tasks are found out about, too, each
        by its own connection."""
        await shim.client.wait_closed()
        if shim.is_leaving:
            return
        key = shim.bundle.namespace, shim.bundle.id
        async with self._locks.hold(*key):
            if shim.is_leaving:
                return
            log.info("cleaning up after the sandbox's shim disconnected", extra={"fields": {"id": shim.bundle.id}})
            shim.is_leaving = True
            self._shims.pop(key, None)
            await self._processes.clean_up(shim.bundle, shim.request)
        end = SandboxEnd(exit_status=STATUS_UNKNOWN, exited_at=self._clock.now())
        self._tell_end(shim.bundle, end)
        shim.end.set_result(end)

    def _tell_end(self, bundle: Bundle, end: SandboxEnd) -> None:
        event = events.SandboxExit(sandbox_id=bundle.id, exit_status=end.exit_status)
        event.exited_at.FromNanoseconds(end.exited_at)
        self._events.publish(bundle.namespace, "/sandboxes/exit", event)

    def _get(self, scope: Scope, sandbox_id: str) -> SandboxShim:
        shim = self._shims.get((scope.namespace, sandbox_id))
        if shim is None:
            raise NotFound(f"sandbox {sandbox_id}: not found")
        return shim

    @asynccontextmanager
    async def _asked(self, scope: Scope, sandbox_id: str) -> AsyncIterator[SandboxShim]:
        """The shim of a sandbox. One that was shut down meanwhile is as good as never found."""
        shim = self._get(scope, sandbox_id)
        try:
            yield shim
        except Unavailable as error:
            if shim.is_leaving:
                raise NotFound(f"sandbox {sandbox_id}: not found") from error
            raise

    async def _connect(self, bundle: Bundle, launch: ShimRequest, bootstrap: Bootstrap) -> SandboxShim:
        async with asyncio.timeout(CONNECT_SECONDS):
            return SandboxShim(bundle, launch, bootstrap, await connect(bootstrap))


def _typed(value: AnyMessage | None) -> TypedValue:
    return TypedValue() if value is None else TypedValue(value.type_url, value.value)
